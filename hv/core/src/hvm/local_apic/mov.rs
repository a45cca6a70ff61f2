// SPDX-License-Identifier: MIT OR Apache-2.0
//! The instructions by which guests reach the registers in memory: `mov` of 32 bits between memory
//! and a register, or of a constant to memory. The processor says the address, so none is computed.
use crate::instruction_bytes::{Bytes, CodeSize};
use crate::word::low_half;

/// An access to a register of the local APIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To the general register with this number, whose upper half becomes 0.
    Read(u8),
    /// From the lower half of this general register.
    Write(u8),
    /// Of this constant.
    WriteConstant(u32),
}

/// An access, and the length of its instruction in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mov {
    /// What it does.
    pub access: Access,
    /// Bytes.
    pub length: u8,
}

/// Decodes the instruction at the start of `bytes`; `None` if it is another, not whole, or with
/// addresses of 16 bits (Intel SDM volume 2, `mov`).
#[must_use]
pub fn decode(bytes: &[u8], size: CodeSize) -> Option<Mov> {
    let mut bytes = Bytes::new(bytes, size);
    let (prefixes, opcode) = bytes.prefixes()?;
    let has_short_address = match size {
        CodeSize::Bits16 => return None,
        CodeSize::Bits32 => prefixes.short_address,
        CodeSize::Bits64 => false,
    };
    if prefixes.wide() != 4 || prefixes.lock || prefixes.repeat || has_short_address {
        return None;
    }
    let access = match opcode {
        0x89 | 0x8b => {
            let modrm = bytes.next()?;
            bytes.skip_address(modrm)?;
            let register = (modrm >> 3 & 7) | (prefixes.rex & 4) << 1;
            if opcode == 0x8b { Access::Read(register) } else { Access::Write(register) }
        }
        0xc7 => {
            let modrm = bytes.next()?;
            if modrm >> 3 & 7 != 0 {
                return None;
            }
            bytes.skip_address(modrm)?;
            Access::WriteConstant(low_half(bytes.immediate(4)?))
        }
        0xa1 | 0xa3 => {
            let is_long = size == CodeSize::Bits64 && !prefixes.short_address;
            bytes.skip(if is_long { 8 } else { 4 })?;
            if opcode == 0xa1 { Access::Read(0) } else { Access::Write(0) }
        }
        _ => return None,
    };
    Some(Mov { access, length: bytes.taken() })
}

#[cfg(test)]
mod tests {
    use iced_x86::{Code, Decoder, DecoderOptions, OpKind};
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8]) -> Access {
        let mov = decode(bytes, CodeSize::Bits64).unwrap();
        assert_eq!(usize::from(mov.length), bytes.len());
        mov.access
    }

    #[test]
    fn what_linux_uses() {
        // mov -0xa01ff0(%rip),%eax is how a fixed mapping is reached; mov %esi,(%rdi);
        // movl $0,0xffffffffff5fc0b0
        assert_eq!(decoded(&[0x8b, 0x05, 0x10, 0xe0, 0x5f, 0xff]), Access::Read(0));
        assert_eq!(decoded(&[0x89, 0x37]), Access::Write(6));
        assert_eq!(
            decoded(&[0xc7, 0x04, 0x25, 0xb0, 0xc0, 0x5f, 0xff, 0, 0, 0, 0]),
            Access::WriteConstant(0)
        );
        assert_eq!(decoded(&[0x44, 0x8b, 0x40, 0x20]), Access::Read(8));
        assert_eq!(decoded(&[0xa1, 1, 2, 3, 4, 5, 6, 7, 8]), Access::Read(0));
        assert_eq!(decode(&[0xa3, 1, 2, 3, 4], CodeSize::Bits32).unwrap().length, 5);
    }

    #[test]
    fn others() {
        for bytes in [
            [0x48, 0x8b, 0x07].as_slice(), // 8 bytes
            &[0x66, 0x8b, 0x07],           // 2 bytes
            &[0x8b, 0xc7],                 // between registers
            &[0xc7, 0x0f, 0, 0, 0, 0],     // not a mov
            &[0x31, 0x07],
            &[0x8b, 0x05, 0],
            &[],
        ] {
            assert_eq!(decode(bytes, CodeSize::Bits64), None, "{bytes:x?}");
        }
        assert_eq!(decode(&[0x41, 0x8b, 0x07], CodeSize::Bits32), None, "inc ecx");
        assert_eq!(decode(&[0x41, 0x3e, 0x8b, 0x07], CodeSize::Bits32), None, "inc ecx");
        assert_eq!(decode(&[0x8b, 0x07], CodeSize::Bits16), None, "2 bytes");
    }

    proptest! {
        /// Whatever is taken for a mov is one to a decoder of all instructions, with that length.
        #[test]
        fn as_a_whole_decoder(bytes in prop::array::uniform15(0u8..), is_64_bit: bool) {
            let (size, bits) = if is_64_bit { (CodeSize::Bits64, 64) } else { (CodeSize::Bits32, 32) };
            let Some(mov) = decode(&bytes, size) else { return Ok(()) };
            let whole = Decoder::new(bits, &bytes, DecoderOptions::NONE).decode();
            prop_assert_eq!(whole.len(), usize::from(mov.length));
            let [to, from] = [whole.op0_kind(), whole.op1_kind()];
            let expected = match mov.access {
                Access::Read(_) => (OpKind::Register, OpKind::Memory),
                Access::Write(_) => (OpKind::Memory, OpKind::Register),
                Access::WriteConstant(_) => (OpKind::Memory, OpKind::Immediate32),
            };
            prop_assert_eq!((to, from), expected);
            prop_assert!(matches!(
                whole.code(),
                Code::Mov_r32_rm32
                    | Code::Mov_rm32_r32
                    | Code::Mov_rm32_imm32
                    | Code::Mov_EAX_moffs32
                    | Code::Mov_moffs32_EAX
            ));
        }
    }
}
