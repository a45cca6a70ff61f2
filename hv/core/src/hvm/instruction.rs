// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long an instruction is that the processor handed to the hypervisor, where it does not say.
use crate::instruction_bytes::{Bytes, CodeSize};

/// An instruction that is known by the reason for which it was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// `cpuid`.
    Cpuid,
    /// `hlt`.
    Hlt,
    /// `invd`.
    Invd,
    /// `wbinvd`.
    Wbinvd,
    /// `rdmsr`.
    Rdmsr,
    /// `wrmsr`.
    Wrmsr,
    /// `vmmcall`.
    Vmmcall,
    /// `xsetbv`.
    Xsetbv,
}

impl Known {
    const fn opcode(self) -> &'static [u8] {
        match self {
            Self::Cpuid => &[0x0f, 0xa2],
            Self::Hlt => &[0xf4],
            Self::Invd => &[0x0f, 0x08],
            Self::Wbinvd => &[0x0f, 0x09],
            Self::Rdmsr => &[0x0f, 0x32],
            Self::Wrmsr => &[0x0f, 0x30],
            Self::Vmmcall => &[0x0f, 0x01, 0xd9],
            Self::Xsetbv => &[0x0f, 0x01, 0xd1],
        }
    }

    /// Bytes of the instruction at the start of `bytes`, its prefixes included; `None` if it is
    /// another: the guest has changed it meanwhile.
    #[must_use]
    pub fn length(self, bytes: &[u8], size: CodeSize) -> Option<u8> {
        let mut bytes = Bytes::new(bytes, size);
        let (prefixes, first) = bytes.prefixes()?;
        let (expected, rest) = self.opcode().split_first()?;
        let is_it = first == *expected && bytes.rest().starts_with(rest) && !prefixes.lock;
        let length = bytes.taken().checked_add(u8::try_from(rest.len()).ok()?)?;
        is_it.then_some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_count() {
        assert_eq!(Known::Cpuid.length(&[0x0f, 0xa2, 0x90], CodeSize::Bits64), Some(2));
        assert_eq!(Known::Cpuid.length(&[0x66, 0x48, 0x0f, 0xa2], CodeSize::Bits64), Some(4));
        assert_eq!(Known::Hlt.length(&[0xf4], CodeSize::Bits64), Some(1));
        assert_eq!(Known::Vmmcall.length(&[0x0f, 0x01, 0xd9], CodeSize::Bits64), Some(3));
    }

    #[test]
    fn another_instruction_has_no_length() {
        assert_eq!(Known::Cpuid.length(&[0x0f, 0x32], CodeSize::Bits64), None);
        assert_eq!(Known::Rdmsr.length(&[0x0f], CodeSize::Bits64), None);
        assert_eq!(Known::Hlt.length(&[], CodeSize::Bits64), None);
        assert_eq!(Known::Hlt.length(&[0x66; 20], CodeSize::Bits64), None);
    }
}
