// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory that an instruction names by its ModRM byte (Intel SDM volume 2, 2.1.5 and 2.2.1).
use super::segment::{Bounds, SegmentAccess};
use crate::instruction_bytes::{Bytes, CodeSize, Prefixes, SegmentRegister};

/// Numbers of registers.
const BX: u8 = 3;
const SP: u8 = 4;
const BP: u8 = 5;
const SI: u8 = 6;
const DI: u8 = 7;

/// A memory operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// The segment that it is in.
    pub segment: SegmentRegister,
    size: CodeSize,
    base: Option<u8>,
    /// A register, and by how many bits it is shifted.
    index: Option<(u8, u32)>,
    displacement: u64,
    /// From the next instruction on.
    is_relative: bool,
    address_bits: u32,
}

impl Operand {
    /// Takes what follows a ModRM byte; `None` for a register, and where bytes are missing.
    pub(crate) fn decode(
        bytes: &mut Bytes<'_>,
        prefixes: Prefixes,
        modrm: u8,
        size: CodeSize,
    ) -> Option<Self> {
        if modrm >> 6 == 3 {
            return None;
        }
        let address_bits = match (size, prefixes.short_address) {
            (CodeSize::Bits16, false) | (CodeSize::Bits32, true) => 16,
            (CodeSize::Bits64, false) => 64,
            _ => 32,
        };
        let mut operand = if address_bits == 16 {
            Self { size, ..short(bytes, modrm)? }
        } else {
            let operand = wide(bytes, prefixes.rex, modrm)?;
            let is_relative = operand.is_relative && size == CodeSize::Bits64;
            Self { size, is_relative, address_bits, ..operand }
        };
        if let Some(segment) = prefixes.segment {
            operand.segment = segment;
        }
        Some(operand)
    }

    /// The offset in its segment. `next_rip` is where the next instruction is; `register` gives the
    /// general registers, 0 to 15.
    pub fn offset(&self, next_rip: u64, register: impl Fn(u8) -> u64) -> u64 {
        let base = self.base.map_or(0, &register);
        let index = self.index.map_or(0, |(number, shift)| register(number).wrapping_shl(shift));
        let from_rip = if self.is_relative { next_rip } else { 0 };
        let sum = self.displacement.wrapping_add(base).wrapping_add(index).wrapping_add(from_rip);
        sum & u64::MAX.wrapping_shr(u64::BITS.wrapping_sub(self.address_bits))
    }

    /// The linear address of its `bytes` bytes at `offset`, to be written or read; `None` where the
    /// segment does not let the instruction have them.
    #[must_use]
    pub fn linear(&self, bounds: &Bounds, offset: u64, bytes: u64, is_write: bool) -> Option<u64> {
        let Self { size, segment, .. } = *self;
        SegmentAccess { size, segment, is_write }.linear(bounds, offset, bytes)
    }

    /// The linear address that `offset` is, whatever the segment, which begins at `base`, allows.
    #[must_use]
    pub const fn flat(&self, base: u64, offset: u64) -> u64 {
        match self.size {
            CodeSize::Bits64 if self.segment.has_long_base() => base.wrapping_add(offset),
            CodeSize::Bits64 => offset,
            _ => base.wrapping_add(offset) & 0xffff_ffff,
        }
    }
}

/// With the stack's registers as base the stack's segment is meant.
const fn usual_segment(base: Option<u8>) -> SegmentRegister {
    if matches!(base, Some(SP | BP)) { SegmentRegister::Ss } else { SegmentRegister::Ds }
}

/// An address of 16 bits.
fn short(bytes: &mut Bytes<'_>, modrm: u8) -> Option<Operand> {
    let mode = modrm >> 6;
    let (base, index) = match modrm & 7 {
        0 => (Some(BX), Some(SI)),
        1 => (Some(BX), Some(DI)),
        2 => (Some(BP), Some(SI)),
        3 => (Some(BP), Some(DI)),
        4 => (None, Some(SI)),
        5 => (None, Some(DI)),
        6 if mode == 0 => (None, None),
        6 => (Some(BP), None),
        _ => (Some(BX), None),
    };
    let displacement = match mode {
        0 if base.is_none() && index.is_none() => bytes.immediate(2)?,
        1 => bytes.immediate(1)?,
        2 => bytes.immediate(2)?,
        _ => 0,
    };
    Some(Operand {
        segment: usual_segment(base),
        size: CodeSize::Bits64,
        base,
        index: index.map(|number| (number, 0)),
        displacement,
        is_relative: false,
        address_bits: 16,
    })
}

/// An address of 32 or 64 bits.
fn wide(bytes: &mut Bytes<'_>, rex: u8, modrm: u8) -> Option<Operand> {
    let (mode, low) = (modrm >> 6, modrm & 7);
    let (high_base, high_index) = ((rex & 1) << 3, (rex & 2) << 2);
    let mut base = Some(low | high_base).filter(|_| mode != 0 || low != BP);
    let mut index = None;
    if low == SP {
        let sib = bytes.next()?;
        let number = sib >> 3 & 7 | high_index;
        index = Some((number, u32::from(sib >> 6))).filter(|_| number != SP);
        base = Some(sib & 7 | high_base).filter(|_| mode != 0 || sib & 7 != BP);
    }
    let displacement = match mode {
        0 if base.is_none() => bytes.immediate(4)?,
        1 => bytes.immediate(1)?,
        2 => bytes.immediate(4)?,
        _ => 0,
    };
    Some(Operand {
        segment: usual_segment(base),
        size: CodeSize::Bits64,
        base,
        index,
        displacement,
        is_relative: base.is_none() && low == BP,
        address_bits: 64,
    })
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions, OpKind, Register};
    use proptest::prelude::*;

    use super::*;

    /// The operand of the `lea` at the start of `bytes`, and its length.
    fn of_lea(bytes: &[u8], size: CodeSize) -> Option<(Operand, u8)> {
        let mut rest = Bytes::new(bytes, size);
        let (prefixes, opcode) = rest.prefixes()?;
        let modrm = rest.next().filter(|_| opcode == 0x8d)?;
        let operand = Operand::decode(&mut rest, prefixes, modrm, size)?;
        Some((operand, rest.taken()))
    }

    fn value(number: u8) -> u64 {
        u64::from(number).wrapping_add(1).wrapping_mul(0x0123_4567_89ab_cdef)
    }

    fn value_of(register: Register) -> u64 {
        let number = u8::try_from(register.number()).unwrap();
        value(number) & u64::MAX.wrapping_shr(64 - u32::try_from(register.size()).unwrap() * 8)
    }

    fn segment_of(register: Register) -> SegmentRegister {
        match register {
            Register::ES => SegmentRegister::Es,
            Register::CS => SegmentRegister::Cs,
            Register::SS => SegmentRegister::Ss,
            Register::FS => SegmentRegister::Fs,
            Register::GS => SegmentRegister::Gs,
            _ => SegmentRegister::Ds,
        }
    }

    const PREFIXES: [&[u8]; 7] =
        [&[], &[0x67], &[0x2e], &[0x65, 0x67], &[0x48], &[0x4f], &[0x67, 0x43]];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        /// As a decoder of all instructions sees the same bytes.
        #[test]
        fn as_a_whole_decoder(
            prefix in prop::sample::select(&PREFIXES[..]),
            rest in prop::array::uniform8(0u8..), bits in prop::sample::select(&[16u32, 32, 64][..]),
        ) {
            let bytes = [prefix, &[0x8d], &rest].concat();
            let size = match bits {
                16 => CodeSize::Bits16,
                32 => CodeSize::Bits32,
                _ => CodeSize::Bits64,
            };
            let whole = Decoder::with_ip(bits, &bytes, 0x1000, DecoderOptions::NONE).decode();
            let Some((operand, length)) = of_lea(&bytes, size) else {
                let is_lea = whole.mnemonic() == iced_x86::Mnemonic::Lea;
                prop_assert!(!is_lea || rest[0] >> 6 == 3, "{bytes:x?}");
                return Ok(());
            };
            prop_assert_eq!(whole.len(), usize::from(length));
            prop_assert_eq!(whole.op1_kind(), OpKind::Memory);
            let next_rip = 0x1000 + u64::from(length);
            let expected = whole.virtual_address(1, 0, |register, _, _| Some(match register {
                Register::ES | Register::CS | Register::SS | Register::DS | Register::FS | Register::GS => 0,
                other => value_of(other),
            })).unwrap();
            prop_assert_eq!(operand.offset(next_rip, value), expected, "{:x?}", bytes);
            let segment = segment_of(whole.memory_segment());
            // In 64-bit code most prefixes mean nothing; nor does the difference between ss and ds.
            let has_base = |segment: SegmentRegister| {
                size != CodeSize::Bits64 || segment.has_long_base()
            };
            if has_base(segment) || has_base(operand.segment) {
                prop_assert_eq!(operand.segment, segment);
            }
        }
    }
}
