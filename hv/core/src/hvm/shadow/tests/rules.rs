// SPDX-License-Identifier: MIT OR Apache-2.0
//! One rule a test.
use super::super::Outcome;
use super::model::*;
use crate::hvm::paging::{CR0_WP, CR4_SMAP, CR4_SMEP, EFER_NXE};

const RWU: u64 = 7;
const RO: u64 = 1;
const A: u64 = 1 << 5;
const D: u64 = 1 << 6;
const LARGE: u64 = 1 << 7;
const NX: u64 = 1 << 63;

const fn to(gfn: u64, flags: u64) -> u64 {
    gfn << 12 | flags
}

/// Frames 0 to 3 are tables of level 4 to 1; the latter shows the guest's frames, its tables
/// included, from address 0 on.
fn four_levels() -> Model {
    let mut model = Model::new(long());
    for table in 0..3 {
        model.put(table, 0, to(table + 1, RWU));
    }
    for gfn in 0..GUEST_FRAMES {
        model.put(3, gfn, to(gfn, RWU));
    }
    model.paging.cr3 = 0;
    model
}

#[test]
fn paging_off_is_the_p2m() {
    let mut model = Model::new(off());
    assert_eq!(model.access(0x5123, WRITE), Ok(mfn_of(5)));
    assert_eq!(model.access(0x4_0123, READ), Err(Outcome::NoMemory(0x4_0123)));
    assert_eq!(model.access(0xffff_f000, READ), Err(Outcome::NoMemory(0xffff_f000)));
    model.take(5);
    assert_eq!(model.access(0x5123, READ), Err(Outcome::NoMemory(0x5123)));
    model.give(5, false);
    assert_eq!(model.access(0x5123, READ), Ok(mfn_of(5)));
    assert_eq!(model.access(0x5123, WRITE), Err(Outcome::NoMemory(0x5123)));
}

#[test]
fn accessed_and_dirty_are_marked_as_by_a_processor() {
    let mut model = four_levels();
    assert_eq!(model.access(0x9000, READ), Ok(mfn_of(9)));
    for table in 0..3 {
        assert_eq!(model.entry(table, 0) & (A | D), A);
    }
    assert_eq!(model.entry(3, 9) & (A | D), A);
    assert_eq!(model.look(0x9000, WRITE), None, "writable before it is dirty");
    assert_eq!(model.access(0x9000, WRITE), Ok(mfn_of(9)));
    assert_eq!(model.entry(3, 9) & (A | D), A | D);
}

#[test]
fn marks_that_the_guest_clears_come_back_after_a_flush() {
    let mut model = four_levels();
    model.access(0x9000, WRITE).unwrap();
    model.write(0x3000 + 9 * 8, to(9, RWU)).unwrap();
    model.invalidate(0x9000);
    assert_eq!(model.access(0x9000, READ), Ok(mfn_of(9)));
    assert_eq!(model.entry(3, 9) & (A | D), A);
    model.access(0x9000, WRITE).unwrap();
    assert_eq!(model.entry(3, 9) & (A | D), A | D);
}

#[test]
fn error_codes() {
    let mut model = four_levels();
    model.put(3, 9, to(9, RO));
    model.put(3, 10, to(10, RWU | NX));
    model.put(3, 11, to(11, RWU) | 1 << 45);
    let fault = |code| Err(Outcome::PageFault(code));
    assert_eq!(model.access(0x10_0000, USER_WRITE), fault(0b110));
    assert_eq!(model.access(0x9000, WRITE), fault(0b11));
    assert_eq!(model.access(0x9000, USER_READ), fault(0b101));
    assert_eq!(model.access(0xa000, FETCH), fault(0b1_0001));
    assert_eq!(model.access(0xb000, READ), fault(0b1001));
    model.paging.efer &= !EFER_NXE;
    assert_eq!(model.access(0xa000, READ), fault(0b1001));
    assert_eq!(model.access(0x10_0000, FETCH), fault(0));
}

#[test]
fn a_table_is_read_only_until_the_guest_writes_to_it() {
    let mut model = four_levels();
    for table in 0..4 {
        assert_eq!(model.access(table << 12, READ), Ok(mfn_of(table)));
        assert_eq!(model.look(table << 12, WRITE), None);
    }
    model.write(0x3000 + 20 * 8, to(21, RWU)).unwrap();
    assert!(model.look(0x3000, WRITE).is_some());
    model.audit();
    model.flush();
    assert_eq!(model.look(0x3000, WRITE), None);
    assert_eq!(model.access(20 << 12, READ), Ok(mfn_of(21)));
}

#[test]
fn what_is_taken_away_stays_until_the_guest_flushes_it() {
    let mut model = four_levels();
    model.access(20 << 12, READ).unwrap();
    model.access(21 << 12, READ).unwrap();
    model.write(0x3000 + 20 * 8, 0).unwrap();
    model.write(0x3000 + 21 * 8, 0).unwrap();
    model.invalidate(20 << 12);
    assert_eq!(model.access(20 << 12, READ), Err(Outcome::PageFault(0)));
    assert_eq!(model.look(21 << 12, READ), Some(mfn_of(21)));
    model.flush();
    assert_eq!(model.access(21 << 12, READ), Err(Outcome::PageFault(0)));
}

#[test]
fn what_is_given_needs_no_flush() {
    let mut model = four_levels();
    model.put(3, 30, 0);
    assert_eq!(model.access(30 << 12, READ), Err(Outcome::PageFault(0)));
    model.write(0x3000 + 30 * 8, to(31, RO)).unwrap();
    assert_eq!(model.access(30 << 12, READ), Ok(mfn_of(31)));
    model.write(0x3000 + 30 * 8, to(31, RWU)).unwrap();
    assert_eq!(model.access(30 << 12, USER_WRITE), Ok(mfn_of(31)));
}

#[test]
fn upper_levels_change_at_any_flush() {
    let mut model = four_levels();
    model.put(4, 7, to(50, RWU));
    model.access(0x7000, READ).unwrap();
    model.write(0x2000, to(4, RWU)).unwrap();
    assert_eq!(model.look(0x7000, READ), Some(mfn_of(7)));
    model.invalidate(0x1234_5000);
    assert_eq!(model.access(0x7000, READ), Ok(mfn_of(50)));
}

#[test]
fn a_root_can_show_itself() {
    let mut model = four_levels();
    model.put(0, 511, to(0, RWU));
    let own = |level4: u64, level3: u64, level2: u64, level1: u64| {
        0xffff_u64 << 48 | level4 << 39 | level3 << 30 | level2 << 21 | level1 << 12
    };
    assert_eq!(model.access(own(511, 511, 511, 511), READ), Ok(mfn_of(0)));
    assert_eq!(model.access(own(511, 0, 0, 0), READ), Ok(mfn_of(3)));
    model.write(own(511, 511, 511, 511) + 8 * 8, to(40, RWU)).unwrap();
    assert_eq!(model.access(own(511, 511, 511, 8), READ), Ok(mfn_of(40)));
    model.audit();
    model.flush();
    model.audit();
    assert_eq!(model.access(own(511, 511, 511, 8), READ), Ok(mfn_of(40)));
}

#[test]
fn a_write_through_the_table_that_it_changes_comes_to_an_end() {
    let mut model = four_levels();
    for round in 0..20 {
        model.write(0x3000 + 60 * 8, to(round, RWU)).unwrap();
        model.invalidate(60 << 12);
        assert_eq!(model.access(60 << 12, READ), Ok(mfn_of(round)));
    }
}

#[test]
fn a_kernel_that_nothing_is_protected_from() {
    let mut model = four_levels();
    model.paging.cr0 &= !CR0_WP;
    model.paging.cr4 |= CR4_SMEP;
    model.put(3, 9, to(9, RO | 4));
    assert_eq!(model.access(0x9000, WRITE), Ok(mfn_of(9)));
    assert_eq!(model.look(0x9000, USER_READ), None);
    assert_eq!(model.access(0x9000, USER_READ), Ok(mfn_of(9)));
    assert_eq!(model.access(0x9000, USER_WRITE), Err(Outcome::PageFault(0b111)));
    assert_eq!(model.access(0x9000, WRITE), Ok(mfn_of(9)));
    assert_eq!(model.look(0x9000, FETCH), None);
    model.audit();
    model.paging.cr0 |= CR0_WP;
    assert_eq!(model.access(0x9000, WRITE), Err(Outcome::PageFault(0b11)));
}

#[test]
fn smap_and_smep() {
    let mut model = four_levels();
    model.paging.cr4 |= CR4_SMEP | CR4_SMAP;
    assert_eq!(model.access(0x9000, READ), Err(Outcome::PageFault(1)));
    let allowed = super::super::Access { may_touch_user: true, ..READ };
    assert_eq!(model.access(0x9000, allowed), Ok(mfn_of(9)));
    assert_eq!(model.access(0x9000, FETCH), Err(Outcome::PageFault(0b1_0001)));
}

#[test]
fn large_pages_go_over_holes() {
    let mut model = four_levels();
    model.put(2, 1, to(0, RWU | LARGE));
    model.put(1, 2, to(0, RWU | LARGE));
    for base in [0x20_0000, 0x8000_0000] {
        assert_eq!(model.access(base + 0x9123, WRITE), Ok(mfn_of(9)));
        let hole = Err(Outcome::NoMemory(GUEST_FRAMES << 12 | 0x678));
        assert_eq!(model.access(base + (GUEST_FRAMES << 12) + 0x678, READ), hole);
        assert_eq!(model.access(base + 0x1000, READ), Ok(mfn_of(1)));
        assert_eq!(model.look(base + 0x1000, WRITE), None, "a table");
    }
    assert_eq!(model.entry(2, 1) & (A | D), A | D);
    model.audit();
    model.put(2, 3, to(2, RWU | LARGE));
    assert_eq!(model.access(0x60_0000, READ), Err(Outcome::PageFault(0b1001)));
}

#[test]
fn a_large_page_becomes_dirty_by_its_first_write() {
    let mut model = four_levels();
    model.put(2, 1, to(0, RWU | LARGE));
    model.access(0x20_9000, READ).unwrap();
    assert_eq!(model.entry(2, 1) & (A | D), A);
    assert_eq!(model.look(0x20_9000, WRITE), None);
    model.access(0x20_9000, WRITE).unwrap();
    assert_eq!(model.entry(2, 1) & (A | D), A | D);
}

#[test]
fn rights_are_those_of_the_whole_path() {
    let mut model = four_levels();
    // Two ways to the same table of level 1; one is read-only and for the kernel.
    model.put(2, 1, to(3, RO));
    assert_eq!(model.access(0x9000, USER_WRITE), Ok(mfn_of(9)));
    assert_eq!(model.access(0x20_9000, READ), Ok(mfn_of(9)));
    assert_eq!(model.access(0x20_9000, USER_READ), Err(Outcome::PageFault(0b101)));
    assert_eq!(model.access(0x20_9000, WRITE), Err(Outcome::PageFault(0b11)));
}

#[test]
fn three_levels() {
    let mut model = Model::new(pae());
    model.paging.cr3 = 0x20;
    model.put(0, 4 + 3, to(1, RO));
    model.put(1, 5, to(2, RWU));
    model.put(2, 6, to(9, RWU));
    model.put(1, 6, to(0, RWU | LARGE));
    let base = 0xc000_0000;
    assert_eq!(model.access(base + 0xa0_6000, USER_WRITE), Ok(mfn_of(9)));
    assert_eq!(model.access(base + 0xc0_7000, WRITE), Ok(mfn_of(7)));
    assert_eq!(model.access(0x4000_0000, READ), Err(Outcome::PageFault(0)));
    model.put(0, 4, to(1, RWU));
    assert_eq!(model.access(0, READ), Err(Outcome::PageFault(0b1001)), "a reserved bit");
    model.put(0, 4, to(100, RO));
    assert_eq!(model.access(0, READ), Err(Outcome::NoMemory(100 << 12)));
    model.audit();
}

#[test]
fn two_levels() {
    let mut model = Model::new(legacy());
    model.paging.cr3 = 0;
    model.put_short(0, 769, to(1, RWU));
    for gfn in 0..GUEST_FRAMES {
        model.put_short(1, 512 + gfn, to(gfn, RWU));
    }
    model.put_short(0, 3, to(0, RWU | LARGE));
    // Frame 0x10_0000_0 is above 4 GiB: bit 32 of the address is bit 13 of the entry.
    model.put_short(0, 5, RWU | LARGE | 1 << 13);
    let base = (769 << 22) + (512 << 12);
    assert_eq!(model.access(base + 0x9000, WRITE), Ok(mfn_of(9)));
    assert_eq!(model.access(0xc0_9000, WRITE), Ok(mfn_of(9)));
    assert_eq!(model.access(0xe0_0000, READ), Err(Outcome::NoMemory(0x20_0000)));
    assert_eq!(model.access(0x140_0000, READ), Err(Outcome::NoMemory(1 << 32)));
    assert_eq!(model.access(base + 0x1000, READ), Ok(mfn_of(1)));
    assert_eq!(model.look(base + 0x1000, WRITE), None, "a table");
    model.audit();
}

#[test]
fn what_leaves_the_p2m_leaves_the_shadow() {
    let mut model = four_levels();
    model.access(0x9000, WRITE).unwrap();
    model.take(9);
    assert_eq!(model.look(0x9000, READ), None);
    assert_eq!(model.access(0x9000, READ), Err(Outcome::NoMemory(0x9000)));
    model.give(9, false);
    assert_eq!(model.access(0x9000, READ), Ok(mfn_of(9)));
    assert_eq!(model.access(0x9000, WRITE), Err(Outcome::NoMemory(0x9000)));
    model.take(3);
    assert_eq!(model.access(0x9000, READ), Err(Outcome::NoMemory(0x3000)));
    model.take(0);
    assert_eq!(model.access(0x9000, READ), Err(Outcome::NoMemory(0)));
    model.audit();
}

#[test]
fn a_pool_that_is_used_up_throws_away_the_oldest() {
    let mut model = four_levels();
    for slot in 0..512 {
        model.put(2, slot, to(3, RWU));
        model.put(1, slot, to(2, RWU));
    }
    for address in (0..300).map(|n| (n % 7) << 30 | n << 21 | (n % 64) << 12) {
        assert_eq!(model.access(address, WRITE), Ok(mfn_of(address >> 12 & 63)));
    }
    model.audit();
    let losses = model.shadow.losses();
    (0..GUEST_FRAMES).for_each(|gfn| model.take(gfn));
    model.audit();
    assert_ne!(model.shadow.losses(), losses);
}

#[test]
fn the_hypervisor_writes_to_a_table() {
    let mut model = four_levels();
    model.access(0x9000, READ).unwrap();
    model.put(3, 9, to(10, RWU));
    model.with(|shadow, guest| shadow.wrote(guest, mfn_of(3)));
    model.flush();
    assert_eq!(model.access(0x9000, READ), Ok(mfn_of(10)));
}

#[test]
fn writes_that_nobody_sees_count_once_all_shadows_are_gone() {
    let mut model = four_levels();
    assert_eq!(model.access(20 << 12, READ), Ok(mfn_of(20)));
    for gfn in 21..30 {
        model.put(3, 20, to(gfn, RWU));
        model.flush();
        assert_eq!(model.access(20 << 12, READ), Ok(mfn_of(gfn - 1)));
        model.with(|shadow, guest| shadow.clear(guest.memory));
        model.audit();
        assert_eq!(model.access(20 << 12, READ), Ok(mfn_of(gfn)));
    }
    model.write(0x3000 + 20 * 8, 0).unwrap();
    model.with(|shadow, guest| shadow.clear(guest.memory));
    assert_eq!(model.access(20 << 12, READ), Err(Outcome::PageFault(0)));
}

#[test]
fn the_audit_knows_the_rights_of_tables_in_sync() {
    let wrong = |change: fn(&mut Model)| {
        let mut model = four_levels();
        model.access(0x9000, WRITE).unwrap();
        model.audit();
        change(&mut model);
        model.wrong()
    };
    assert_eq!(wrong(|_| ()), 0);
    // Each without notice: another page, a right less, nothing, another table.
    assert_eq!(wrong(|model| model.put(3, 9, to(10, RWU | A | D))), 1);
    assert_eq!(wrong(|model| model.put(3, 9, to(9, RO | A | D))), 1);
    assert_eq!(wrong(|model| model.put(3, 9, 0)), 1);
    assert_eq!(wrong(|model| model.put(2, 0, to(4, RWU | A))), 1);
    // With notice it is what a processor may remember, until the flush.
    assert_eq!(wrong(|model| model.write(0x3000 + 9 * 8, 0).unwrap()), 0);
}
