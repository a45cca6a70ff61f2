// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long an instruction is that the processor handed to the hypervisor, where it does not say.
use crate::emulate::MAX_LENGTH;

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
    pub fn length(self, bytes: &[u8]) -> Option<u8> {
        let is_prefix = |byte: &u8| matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f | 0x64..=0x67 | 0xf2 | 0xf3);
        let bytes = bytes.get(..MAX_LENGTH).unwrap_or(bytes);
        let prefixes = bytes.iter().take_while(|byte| is_prefix(byte)).count();
        let rest = bytes.get(prefixes..)?;
        let opcode = self.opcode();
        rest.starts_with(opcode).then_some(())?;
        u8::try_from(prefixes.saturating_add(opcode.len())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_count() {
        assert_eq!(Known::Cpuid.length(&[0x0f, 0xa2, 0x90]), Some(2));
        assert_eq!(Known::Cpuid.length(&[0x66, 0x48, 0x0f, 0xa2]), Some(4));
        assert_eq!(Known::Hlt.length(&[0xf4]), Some(1));
        assert_eq!(Known::Vmmcall.length(&[0x0f, 0x01, 0xd9]), Some(3));
    }

    #[test]
    fn another_instruction_has_no_length() {
        assert_eq!(Known::Cpuid.length(&[0x0f, 0x32]), None);
        assert_eq!(Known::Rdmsr.length(&[0x0f]), None);
        assert_eq!(Known::Hlt.length(&[]), None);
        assert_eq!(Known::Hlt.length(&[0x66; 20]), None);
    }
}
