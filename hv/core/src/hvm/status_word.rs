// SPDX-License-Identifier: MIT OR Apache-2.0
//! `smsw` and `lmsw`, the old ways to CR0: where their operand is (Intel SDM volume 2). With shadow
//! paging AMD-V hands them over and does not say.
use super::operand::Operand;
use crate::instruction_bytes::{Bytes, CodeSize};

/// Where the operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A general register by its number, of which `smsw` writes so many bytes: 2, 4 or 8.
    Register(u8, u8),
    /// 2 bytes of memory.
    Memory(Operand),
}

/// One of the two instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusWord {
    /// `lmsw`, which loads CR0.
    pub is_load: bool,
    /// The operand.
    pub place: Place,
    /// Bytes of the instruction.
    pub length: u8,
}

impl StatusWord {
    /// Decodes the instruction at the start of `bytes`; `None` for another one.
    #[must_use]
    pub fn decode(bytes: &[u8], size: CodeSize) -> Option<Self> {
        let mut bytes = Bytes::new(bytes, size);
        let (prefixes, first) = bytes.prefixes()?;
        let (second, modrm) = (bytes.next()?, bytes.next()?);
        let is_load = match (first, second, modrm >> 3 & 7) {
            (0x0f, 0x01, 4) => false,
            (0x0f, 0x01, 6) => true,
            _ => return None,
        };
        if prefixes.lock {
            return None;
        }
        let place = if modrm >> 6 == 3 {
            let is_short = prefixes.short_operand != (size == CodeSize::Bits16);
            let bytes = match (prefixes.rex & 8 != 0, is_short) {
                (true, _) => 8,
                (false, true) => 2,
                (false, false) => 4,
            };
            Place::Register(modrm & 7 | (prefixes.rex & 1) << 3, bytes)
        } else {
            Place::Memory(Operand::decode(&mut bytes, prefixes, modrm, size)?)
        };
        Some(Self { is_load, place, length: bytes.taken() })
    }
}

/// A register that held `before` after `smsw` has written `bytes` bytes of `cr0` to it.
#[must_use]
pub const fn stored(before: u64, cr0: u64, bytes: u8) -> u64 {
    match bytes {
        2 => before & !0xffff | cr0 & 0xffff,
        4 => cr0 & 0xffff_ffff,
        _ => cr0,
    }
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions, Mnemonic, OpKind};
    use proptest::prelude::*;

    use super::*;

    fn place(bytes: &[u8], size: CodeSize) -> Place {
        let word = StatusWord::decode(bytes, size).unwrap();
        assert_eq!(usize::from(word.length), bytes.len());
        word.place
    }

    #[test]
    fn registers_of_each_width() {
        use CodeSize::{Bits16, Bits32, Bits64};
        assert_eq!(place(&[0x0f, 0x01, 0xe0], Bits16), Place::Register(0, 2));
        assert_eq!(place(&[0x66, 0x0f, 0x01, 0xe3], Bits16), Place::Register(3, 4));
        assert_eq!(place(&[0x0f, 0x01, 0xe0], Bits32), Place::Register(0, 4));
        assert_eq!(place(&[0x66, 0x0f, 0x01, 0xe0], Bits64), Place::Register(0, 2));
        assert_eq!(place(&[0x49, 0x0f, 0x01, 0xe0], Bits64), Place::Register(8, 8));
        assert!(StatusWord::decode(&[0x0f, 0x01, 0xf0], Bits16).unwrap().is_load);
        assert_eq!(stored(u64::MAX, 0x8005_0033, 2), 0xffff_ffff_ffff_0033);
        assert_eq!(stored(u64::MAX, 0x8005_0033, 4), 0x8005_0033);
    }

    const PREFIXES: [&[u8]; 7] = [&[], &[0x66], &[0x67], &[0x48], &[0x45], &[0x66, 0x48], &[0xf0]];

    proptest! {
        /// What is taken for one of them is one to a decoder of all instructions.
        #[test]
        fn as_a_whole_decoder(
            prefix in prop::sample::select(&PREFIXES[..]),
            rest in prop::array::uniform8(0u8..), bits in prop::sample::select(&[16u32, 32, 64][..]),
        ) {
            let bytes = [prefix, &[0x0f, 0x01], &rest].concat();
            let size = match bits {
                16 => CodeSize::Bits16,
                32 => CodeSize::Bits32,
                _ => CodeSize::Bits64,
            };
            let whole = Decoder::new(bits, &bytes, DecoderOptions::NONE).decode();
            let expected = match whole.mnemonic() {
                Mnemonic::Smsw => Some(false),
                Mnemonic::Lmsw => Some(true),
                _ => None,
            };
            let found = StatusWord::decode(&bytes, size);
            prop_assert_eq!(found.map(|word| word.is_load), expected);
            let Some(word) = found else { return Ok(()) };
            prop_assert_eq!(whole.len(), usize::from(word.length));
            match word.place {
                Place::Memory(_) => prop_assert_eq!(whole.op0_kind(), OpKind::Memory),
                Place::Register(number, bytes) => {
                    let register = whole.op0_register();
                    prop_assert_eq!(register.number(), usize::from(number));
                    prop_assert!(word.is_load || register.size() == usize::from(bytes));
                }
            }
        }
    }
}
