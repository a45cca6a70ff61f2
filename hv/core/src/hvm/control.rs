// SPDX-License-Identifier: MIT OR Apache-2.0
//! Control registers of a PVH guest: which bits it may set.
use super::paging::{
    CR0_PE, CR0_PG, CR0_WP, CR4_PAE, CR4_SMAP, CR4_SMEP, EFER_LMA, EFER_NXE, Paging,
};
use crate::cpuid::Answer;

/// EFER: syscall.
const EFER_SCE: u64 = 1 << 0;
/// EFER: long mode is to be entered when paging is turned on.
pub const EFER_LME: u64 = 1 << 8;

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

/// CR0: x87 is there, always 1.
const CR0_ET: u64 = 1 << 4;
/// CR0: not write-through.
const CR0_NW: u64 = 1 << 29;
/// CR0: caches are off.
const CR0_CD: u64 = 1 << 30;
/// CR0: PE, MP, EM, TS, ET, NE, WP, AM, NW, CD, PG.
const CR0_KNOWN: u64 = 0xe005_003f;

/// Control registers after a guest wrote `value` to CR0, in a code segment for 64-bit mode or not:
/// turning paging on and off enters and leaves long mode. `None` for what is a #GP (Intel SDM
/// volume 3, 2.5 and 11.8.5).
#[must_use]
pub const fn cr0(paging: &Paging, value: u64, in_64_bit_code: bool) -> Option<Paging> {
    let pages = value & CR0_PG != 0;
    if value >> 32 != 0
        || pages && value & CR0_PE == 0
        || value & CR0_NW != 0 && value & CR0_CD == 0
    {
        return None;
    }
    let is_long = pages && paging.efer & EFER_LME != 0;
    let changes = (paging.cr0 ^ value) & CR0_PG != 0;
    if changes && in_64_bit_code || changes && is_long && paging.cr4 & CR4_PAE == 0 {
        return None;
    }
    let efer = if !changes {
        paging.efer
    } else if is_long {
        paging.efer | EFER_LMA
    } else {
        paging.efer & !EFER_LMA
    };
    Some(Paging { cr0: value & CR0_KNOWN | CR0_ET, efer, ..*paging })
}

/// CR0 as `lmsw` leaves it: its four lowest bits, but PE cannot be cleared.
#[must_use]
pub const fn with_status_word(cr0: u64, word: u16) -> u64 {
    let [low, _] = word.to_le_bytes();
    cr0 & !0xe | (low & 0xf) as u64
}

/// How a guest translates after it wrote `value` to CR3; `None` for bits that no address has.
#[must_use]
pub const fn cr3(old: &Paging, value: u64, physical_bits: u32) -> Option<Paging> {
    if value & u64::MAX.wrapping_shl(physical_bits) != 0 {
        return None;
    }
    Some(Paging { cr3: value, ..*old })
}

/// What the processor runs with beneath a guest whose tables are shadowed: it always translates, by
/// entries of 8 bytes that can forbid execution, and protects read-only pages from the kernel too.
#[must_use]
pub const fn beneath(guest: &Paging) -> Paging {
    let mut cr4 = guest.cr4 | CR4_PAE;
    let mut efer = guest.efer | EFER_NXE;
    if guest.cr0 & CR0_PG == 0 {
        cr4 &= !(CR4_SMEP | CR4_SMAP);
    }
    if guest.efer & EFER_LMA == 0 {
        efer &= !EFER_LME;
    }
    let cr0 = guest.cr0 & !(CR0_NW | CR0_CD) | CR0_PG | CR0_WP;
    Paging { cr0, cr4, efer, ..*guest }
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

    const PROTECTED: Paging =
        Paging { cr0: CR0_PE | CR0_ET, cr3: 0x1000, cr4: 0, efer: 0, user: false };

    #[test]
    fn paging_in_long_mode() {
        let ready = Paging { cr4: CR4_PAE, efer: EFER_LME, ..PROTECTED };
        let on = cr0(&ready, CR0_PG | CR0_PE, false).unwrap();
        assert_eq!(on.efer, EFER_LME | EFER_LMA);
        assert_eq!(on.cr0, CR0_PG | CR0_PE | CR0_ET);
        assert_eq!(
            cr0(&ready, CR0_PG | CR0_PE, true),
            None,
            "L in a code segment before long mode"
        );
        assert_eq!(cr0(&Paging { cr4: 0, ..ready }, CR0_PG | CR0_PE, false), None);
        let off = cr0(&on, CR0_PE, false).unwrap();
        assert_eq!(off.efer, EFER_LME);
        assert_eq!(cr0(&on, CR0_PE, true), None);
        assert_eq!(cr0(&on, on.cr0 | 1 << 16, true).unwrap().efer, on.efer);
    }

    #[test]
    fn paging_without_long_mode() {
        let on = cr0(&PROTECTED, CR0_PG | CR0_PE, false).unwrap();
        assert_eq!(on.efer, 0);
        assert_eq!(cr0(&PROTECTED, CR0_PG, false), None, "paging in real mode");
    }

    #[test]
    fn bits_of_cr0() {
        assert_eq!(cr0(&PROTECTED, 1 << 32, false), None);
        assert_eq!(cr0(&PROTECTED, CR0_NW | CR0_PE, false), None);
        assert_eq!(cr0(&PROTECTED, 0xffff_ffff, false).map(|paging| paging.cr0), Some(CR0_KNOWN));
        assert_eq!(with_status_word(CR0_PE | 8, 0xfff0), CR0_PE);
        assert_eq!(with_status_word(CR0_ET, 0xf), CR0_ET | 0xf);
    }

    #[test]
    fn roots_are_addresses() {
        let old = Paging::default();
        assert_eq!(cr3(&old, 0x1018, 40), Some(Paging { cr3: 0x1018, ..old }));
        assert_eq!(cr3(&old, 1 << 40, 40), None);
        assert_eq!(cr3(&old, 1 << 63, 40), None);
    }

    #[test]
    fn the_processor_always_translates_and_protects() {
        let off = Paging { cr4: CR4_SMEP, efer: EFER_LME, ..Paging::default() };
        let beneath = beneath(&off);
        assert_eq!(beneath.cr0, CR0_PG | CR0_WP);
        assert_eq!((beneath.cr4, beneath.efer), (CR4_PAE, EFER_NXE));
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
