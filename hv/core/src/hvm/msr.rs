// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which model-specific registers a PVH guest has. Every other one takes #GP.
use xen_abi::cpuid::MSR_HYPERCALL_PAGE;

use super::mtrr;

/// A register of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Msr {
    /// Where the registers of the local APIC are.
    ApicBase,
    /// One of its registers.
    LocalApic,
    /// When its timer fires.
    TscDeadline,
    /// The time stamp counter.
    Tsc,
    /// What the page attributes mean.
    Pat,
    /// Extended features.
    Efer,
    /// Says where a hypercall page is to be.
    HypercallPage,
    /// Of memory types.
    Mtrr(mtrr::Register),
    /// What Intel's processors do, of which there is nothing to choose: written only as it reads.
    MiscEnable,
    /// Reads as 0, and may be written with 0: there is nothing of the kind.
    Zero,
    /// The same, and what is written is forgotten.
    Ignored,
}

/// `IA32_MISC_ENABLE`: fast strings, no branch trace store, no event-based sampling.
pub const MISC_ENABLE: u64 = 1 << 0 | 1 << 11 | 1 << 12;

/// Registers that the processor exchanges when a guest is entered and left: a guest uses them without
/// the hypervisor. Those of sysenter and syscall, and the bases of fs and gs.
pub const EXCHANGED: [u32; 10] = [
    0x174,
    0x175,
    0x176,
    0xc000_0081,
    0xc000_0082,
    0xc000_0083,
    0xc000_0084,
    0xc000_0100,
    0xc000_0101,
    0xc000_0102,
];

impl Msr {
    /// The register with this number, if a guest has it by way of the hypervisor.
    #[must_use]
    pub fn of(number: u32) -> Option<Self> {
        if let Some(register) = mtrr::Register::of(number) {
            return Some(Self::Mtrr(register));
        }
        Some(match number {
            0x10 => Self::Tsc,
            0x1b => Self::ApicBase,
            0x6e0 => Self::TscDeadline,
            0x800..=0x8ff => Self::LocalApic,
            0x277 => Self::Pat,
            0xc000_0080 => Self::Efer,
            MSR_HYPERCALL_PAGE => Self::HypercallPage,
            0x1a0 => Self::MiscEnable,
            // Machine checks (none), microcode level, debug control and last branches (none), AMD's
            // hardware configuration and pending messages of interrupts.
            0x179 | 0x17a | 0x8b | 0x1d9 | 0x1db..=0x1de | 0xc001_0015 | 0xc001_0055 => Self::Zero,
            // AMD's system configuration, ends of memory, configuration of the north bridge.
            0xc001_0010 | 0xc001_001a | 0xc001_001d | 0xc001_001f => Self::Ignored,
            _ => return None,
        })
    }
}

/// The attributes of pages after a reset: write-back, write-through, uncacheable unless a range says
/// otherwise, uncacheable, and these again (Intel SDM volume 3, 12.12.4).
pub const PAT_AT_RESET: u64 = 0x0007_0406_0007_0406;

/// Whether each of the eight attributes of a PAT is one of those that exist.
#[must_use]
pub fn is_pat(value: u64) -> bool {
    value.to_le_bytes().iter().all(|kind| matches!(kind, 0 | 1 | 4 | 5 | 6 | 7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_short() {
        assert_eq!(Msr::of(0x4000_0000), Some(Msr::HypercallPage));
        // SVM's own registers, and others of the machine's.
        for number in [0xc001_0114, 0xc001_0117, 0x3a, 0x480, u32::MAX] {
            assert_eq!(Msr::of(number), None, "{number:#x}");
        }
    }

    #[test]
    fn attributes_of_pages() {
        assert!(is_pat(PAT_AT_RESET));
        assert!(!is_pat(0x0007_0406_0007_0402));
    }
}
