// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long an instruction is that the processor handed to the hypervisor: AMD's may save where the
//! next one is, or it is decoded.
use crate::instruction_bytes::{Bytes, CodeSize, MAX_LENGTH};

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
        let opcode = self.opcode();
        // As guests write it nearly always: an exit waits for this.
        if bytes.starts_with(opcode) {
            return u8::try_from(opcode.len()).ok();
        }
        let mut bytes = Bytes::new(bytes, size);
        let (prefixes, first) = bytes.prefixes()?;
        let (expected, rest) = opcode.split_first()?;
        let is_it = first == *expected && bytes.rest().starts_with(rest) && !prefixes.lock;
        let length = bytes.taken().checked_add(u8::try_from(rest.len()).ok()?)?;
        is_it.then_some(length)
    }
}

/// Bytes of the instruction at `rip`, where the processor saved `next_rip` when it handed it over;
/// `None` where that is not behind an instruction, as the 0 for what was none (AMD APM volume 2,
/// 15.7.1).
#[must_use]
pub fn length_up_to(rip: u64, next_rip: u64) -> Option<u8> {
    // Code that is not 64-bit goes on at 0 behind 4 GiB.
    let distance = next_rip.wrapping_sub(rip) & 0xffff_ffff;
    u8::try_from(distance).ok().filter(|length| (1..=MAX_LENGTH).contains(&usize::from(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_to_the_next() {
        assert_eq!(length_up_to(0x1000, 0x1003), Some(3));
        assert_eq!(length_up_to(0x1000, 0x100f), Some(15));
        assert_eq!(length_up_to(0x1000, 0x1010), None, "too long");
        assert_eq!(length_up_to(0x1000, 0x1000), None, "nothing");
        assert_eq!(length_up_to(0x1000, 0), None, "not saved");
        assert_eq!(length_up_to(0xffff_ffff, 1), Some(2), "around");
        assert_eq!(length_up_to(u64::MAX - 1, 0), Some(2), "the last of all");
    }

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
