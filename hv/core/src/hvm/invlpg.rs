// SPDX-License-Identifier: MIT OR Apache-2.0
//! `invlpg`: how long it is, and which address it names, where the processor does not say.
use super::operand::Operand;
use crate::instruction_bytes::{Bytes, CodeSize, SegmentRegister};

/// A decoded `invlpg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invlpg {
    operand: Operand,
    /// Bytes of the instruction.
    pub length: u8,
}

impl Invlpg {
    /// The linear address, of the instruction at `rip`. `register` gives the general registers, 0 to
    /// 15, and `base` the first byte of a segment.
    pub fn address(
        &self,
        rip: u64,
        register: impl Fn(u8) -> u64,
        base: impl Fn(SegmentRegister) -> u64,
    ) -> u64 {
        let offset = self.operand.offset(rip.wrapping_add(u64::from(self.length)), register);
        self.operand.flat(base(self.operand.segment), offset)
    }
}

/// Decodes the instruction at the start of `bytes`; `None` if it is another.
#[must_use]
pub fn decode(bytes: &[u8], size: CodeSize) -> Option<Invlpg> {
    const OPCODE: [u8; 2] = [0x0f, 0x01];
    let mut bytes = Bytes::new(bytes, size);
    let (prefixes, first) = bytes.prefixes()?;
    let (second, modrm) = (bytes.next()?, bytes.next()?);
    if [first, second] != OPCODE || modrm >> 3 & 7 != 7 || prefixes.lock {
        return None;
    }
    let operand = Operand::decode(&mut bytes, prefixes, modrm, size)?;
    Some(Invlpg { operand, length: bytes.taken() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address and the length, where register n holds n thousands in hexadecimal, and each
    /// segment begins at a million.
    fn decoded(bytes: &[u8], size: CodeSize) -> Option<(u64, u8)> {
        let found = decode(bytes, size)?;
        let address = found.address(0x20_0000, |n| u64::from(n) << 12, |_| 0x10_0000);
        Some((address, found.length))
    }

    #[test]
    fn addresses_of_64_bit_code() {
        let long = |bytes: &[u8]| decoded(bytes, CodeSize::Bits64);
        assert_eq!(long(&[0x0f, 0x01, 0x3f]), Some((0x7000, 3)));
        assert_eq!(long(&[0x41, 0x0f, 0x01, 0x3f]), Some((0xf000, 4)));
        // rax + rcx * 8; behind the instruction; gs.
        assert_eq!(long(&[0x0f, 0x01, 0x3c, 0xc8]), Some((0x8000, 4)));
        assert_eq!(long(&[0x0f, 0x01, 0x3d, 0, 1, 0, 0]), Some((0x20_0107, 7)));
        assert_eq!(long(&[0x65, 0x0f, 0x01, 0x3f]), Some((0x10_7000, 4)));
        assert_eq!(long(&[0x2e, 0x0f, 0x01, 0x3f]), Some((0x7000, 4)));
    }

    #[test]
    fn addresses_of_other_code() {
        let wide = |bytes: &[u8]| decoded(bytes, CodeSize::Bits32);
        assert_eq!(wide(&[0x0f, 0x01, 0x3f]), Some((0x10_7000, 3)));
        assert_eq!(wide(&[0x0f, 0x01, 0x3d, 1, 2, 3, 0]), Some((0x13_0201, 7)));
        assert_eq!(wide(&[0x67, 0x0f, 0x01, 0x3e, 1, 2]), Some((0x10_0201, 6)));
        assert_eq!(decoded(&[0x0f, 0x01, 0x7e, 1], CodeSize::Bits16), Some((0x10_5001, 4)));
    }

    #[test]
    fn other_instructions() {
        for bytes in [&[0x0f, 0x01, 0xff][..], &[0x0f, 0x01, 0x37], &[0x0f, 0x01], &[0x90; 3]] {
            assert_eq!(decode(bytes, CodeSize::Bits64), None);
        }
    }
}
