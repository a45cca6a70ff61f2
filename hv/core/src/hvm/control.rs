// SPDX-License-Identifier: MIT OR Apache-2.0
//! Control registers of a PVH guest: which bits it may set.
use super::paging::{CR0_PG, EFER_LMA};
use crate::cpuid::Answer;

/// EFER: syscall.
const EFER_SCE: u64 = 1 << 0;
/// EFER: long mode is to be entered when paging is turned on.
const EFER_LME: u64 = 1 << 8;
/// EFER: no-execute.
const EFER_NXE: u64 = 1 << 11;

/// EFER after a guest wrote `value` where it saw `old`; `None` for bits that it may not set, and
/// for a change of mode while paging is on.
#[must_use]
pub const fn efer(old: u64, value: u64, cr0: u64) -> Option<u64> {
    const ALLOWED: u64 = EFER_SCE | EFER_LME | EFER_NXE | EFER_LMA;
    let changes_mode = (old ^ value) & EFER_LME != 0;
    if value & !ALLOWED != 0 || (changes_mode && cr0 & CR0_PG != 0) {
        return None;
    }
    Some(value & !EFER_LMA | old & EFER_LMA)
}

/// Bits of CR4 that a guest may set, by what it sees of CPUID leaves 1 and 7.
#[must_use]
pub const fn cr4_allowed(leaf1: &Answer, leaf7: &Answer) -> u64 {
    // TSD, DE, PSE, PAE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT: every processor in question has them.
    let mut bits = 0x7fc;
    if leaf1.ecx >> 26 & 1 != 0 {
        bits |= 1 << 18;
    }
    // fsgsbase, SMEP, SMAP, UMIP.
    if leaf7.ebx & 1 != 0 {
        bits |= 1 << 16;
    }
    if leaf7.ebx >> 7 & 1 != 0 {
        bits |= 1 << 20;
    }
    if leaf7.ebx >> 20 & 1 != 0 {
        bits |= 1 << 21;
    }
    if leaf7.ecx >> 2 & 1 != 0 {
        bits |= 1 << 11;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_mode_is_the_processors_to_enter() {
        assert_eq!(efer(0, EFER_LME | EFER_LMA, 0), Some(EFER_LME));
        assert_eq!(efer(EFER_LME | EFER_LMA, EFER_LME, CR0_PG), Some(EFER_LME | EFER_LMA));
        assert_eq!(efer(EFER_LME | EFER_LMA, 0, CR0_PG), None);
    }

    #[test]
    fn virtualization_is_not_for_guests() {
        assert_eq!(efer(0, 1 << 12, 0), None);
    }

    #[test]
    fn features_that_are_not_shown_cannot_be_used() {
        let none = Answer::default();
        assert_eq!(cr4_allowed(&none, &none) & (1 << 20 | 1 << 21 | 1 << 13 | 1 << 17), 0);
        let smep = Answer { ebx: 1 << 7, ..none };
        assert_ne!(cr4_allowed(&none, &smep) & 1 << 20, 0);
    }
}
