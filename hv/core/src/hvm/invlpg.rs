// SPDX-License-Identifier: MIT OR Apache-2.0
//! `invlpg`: how long it is, and which address it names, where the processor does not say.
use crate::instruction_bytes::{Bytes, CodeSize, Prefixes};

/// A decoded `invlpg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invlpg {
    /// The linear address; `None` where that takes a segment's base.
    pub address: Option<u64>,
    /// Bytes of the instruction.
    pub length: u8,
}

/// Decodes the instruction at the start of `bytes`, which are at `rip`; `None` if it is another.
/// `register` gives the general registers, 0 to 15.
pub fn decode(
    bytes: &[u8],
    size: CodeSize,
    rip: u64,
    register: impl Fn(u8) -> u64,
) -> Option<Invlpg> {
    const OPCODE: [u8; 2] = [0x0f, 0x01];
    let mut bytes = Bytes::new(bytes, size);
    let (prefixes, first) = bytes.prefixes()?;
    let (second, modrm) = (bytes.next()?, bytes.next()?);
    let (mode, group) = (modrm >> 6, modrm >> 3 & 7);
    if [first, second] != OPCODE || group != 7 || mode == 3 || prefixes.lock {
        return None;
    }
    let has_short_address = match size {
        CodeSize::Bits16 => !prefixes.short_address,
        CodeSize::Bits32 => prefixes.short_address,
        CodeSize::Bits64 => false,
    };
    if has_short_address {
        bytes.skip(match (mode, modrm & 7) {
            (0, 6) | (2, _) => 2,
            (1, _) => 1,
            _ => 0,
        })?;
        return Some(Invlpg { address: None, length: bytes.taken() });
    }
    let operand = operand(&mut bytes, prefixes, modrm)?;
    let length = bytes.taken();
    let parts = operand.registers.iter().flatten();
    let sum = parts.fold(operand.displacement, |sum, (number, shift)| {
        sum.wrapping_add(register(*number).wrapping_shl(*shift))
    });
    let from_rip = if operand.is_relative { rip.wrapping_add(u64::from(length)) } else { 0 };
    let address = sum.wrapping_add(from_rip);
    let address = if prefixes.short_address { address & 0xffff_ffff } else { address };
    let is_flat = size == CodeSize::Bits64 && prefixes.segment.is_none();
    Some(Invlpg { address: is_flat.then_some(address), length })
}

/// A memory operand: registers, shifted by so many bits, and a constant.
struct Operand {
    registers: [Option<(u8, u32)>; 2],
    displacement: u64,
    /// To the next instruction.
    is_relative: bool,
}

/// What follows a ModRM byte, with addresses of 32 or 64 bits.
fn operand(bytes: &mut Bytes<'_>, prefixes: Prefixes, modrm: u8) -> Option<Operand> {
    let (mode, low) = (modrm >> 6, modrm & 7);
    let (high_base, high_index) = ((prefixes.rex & 1) << 3, (prefixes.rex & 2) << 2);
    let mut base = Some((low | high_base, 0)).filter(|_| mode != 0 || low != 5);
    let mut index = None;
    if low == 4 {
        let sib = bytes.next()?;
        let number = sib >> 3 & 7 | high_index;
        index = Some((number, u32::from(sib >> 6))).filter(|_| number != 4);
        base = Some((sib & 7 | high_base, 0)).filter(|_| mode != 0 || sib & 7 != 5);
    }
    let displacement = match mode {
        0 if base.is_none() => bytes.immediate(4)?,
        1 => bytes.immediate(1)?,
        2 => bytes.immediate(4)?,
        _ => 0,
    };
    Some(Operand {
        registers: [base, index],
        displacement,
        is_relative: base.is_none() && low == 5,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Register n is n thousands in hexadecimal.
    fn long(bytes: &[u8]) -> Option<(Option<u64>, u8)> {
        let decoded = decode(bytes, CodeSize::Bits64, 0x10_0000, |n| u64::from(n) << 12);
        decoded.map(|decoded| (decoded.address, decoded.length))
    }

    #[test]
    fn addresses_of_64_bit_code() {
        assert_eq!(long(&[0x0f, 0x01, 0x3f]), Some((Some(0x7000), 3)));
        assert_eq!(long(&[0x41, 0x0f, 0x01, 0x3f]), Some((Some(0xf000), 4)));
        assert_eq!(long(&[0x0f, 0x01, 0x7f, 0xf0]), Some((Some(0x6ff0), 4)));
        assert_eq!(long(&[0x0f, 0x01, 0xb8, 0, 1, 0, 0]), Some((Some(0x100), 7)));
        // rsp; rax + rcx * 8; a constant; behind the instruction.
        assert_eq!(long(&[0x0f, 0x01, 0x3c, 0x24]), Some((Some(0x4000), 4)));
        assert_eq!(long(&[0x0f, 0x01, 0x3c, 0xc8]), Some((Some(0x8000), 4)));
        assert_eq!(long(&[0x42, 0x0f, 0x01, 0x3c, 0x20]), Some((Some(0xc000), 5)));
        let constant = [0x0f, 0x01, 0x3c, 0x25, 0, 0x10, 0, 0x80];
        assert_eq!(long(&constant), Some((Some(0xffff_ffff_8000_1000), 8)));
        assert_eq!(long(&[0x0f, 0x01, 0x3d, 0, 1, 0, 0]), Some((Some(0x10_0107), 7)));
        assert_eq!(long(&[0x67, 0x0f, 0x01, 0x7f, 0]), Some((Some(0x7000), 5)));
    }

    #[test]
    fn a_segment_makes_the_address_unknown() {
        assert_eq!(long(&[0x65, 0x0f, 0x01, 0x3f]), Some((None, 4)));
        let other =
            |bytes: &[u8], size| decode(bytes, size, 0, |_| 0).map(|it| (it.address, it.length));
        assert_eq!(other(&[0x0f, 0x01, 0x3f], CodeSize::Bits32), Some((None, 3)));
        assert_eq!(other(&[0x0f, 0x01, 0x3d, 1, 2, 3, 4], CodeSize::Bits32), Some((None, 7)));
        assert_eq!(other(&[0x67, 0x0f, 0x01, 0x3e, 1, 2], CodeSize::Bits32), Some((None, 6)));
        assert_eq!(other(&[0x0f, 0x01, 0x7e, 1], CodeSize::Bits16), Some((None, 4)));
    }

    #[test]
    fn other_instructions() {
        for bytes in [&[0x0f, 0x01, 0xff][..], &[0x0f, 0x01, 0x37], &[0x0f, 0x01], &[0x90; 3]] {
            assert_eq!(long(bytes), None);
        }
    }
}
