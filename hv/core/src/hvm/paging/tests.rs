// SPDX-License-Identifier: MIT OR Apache-2.0
use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;

/// Words of memory by address.
type Memory = BTreeMap<u64, u64>;

fn translate(paging: &Paging, memory: &Memory, address: u64, access: Access) -> Option<u64> {
    paging.translate(address, access, |at| {
        assert_eq!(at % 8, 0);
        Some(memory.get(&at).copied().unwrap_or(0))
    })
}

fn long() -> Paging {
    Paging { cr0: CR0_PG | CR0_PE | CR0_WP, cr3: 0x1000, cr4: CR4_PAE, efer: EFER_LMA, user: false }
}

#[test]
fn without_paging_an_address_is_itself() {
    let paging = Paging { cr0: CR0_PE, ..Paging::default() };
    assert_eq!(translate(&paging, &Memory::new(), 0x12_3456, Access::Write), Some(0x12_3456));
}

#[test]
fn four_levels() {
    let memory = Memory::from([
        (0x1000 + 8 * 511, 0x2003),
        (0x2000 + 8 * 510, 0x3003),
        (0x3000, 0x4003),
        (0x4000 + 8 * 5, 0x8000_0000_0070_0001),
        (0x3000 + 8, 0x4000_0083),
    ]);
    let base = 0xffff_ffff_8000_0000;
    assert_eq!(translate(&long(), &memory, base + 0x5123, Access::Read), Some(0x70_0123));
    assert_eq!(translate(&long(), &memory, base + 0x5123, Access::Write), None);
    let relaxed = Paging { cr0: CR0_PG, ..long() };
    assert_eq!(translate(&relaxed, &memory, base + 0x5123, Access::Write), Some(0x70_0123));
    let user = Paging { user: true, ..long() };
    assert_eq!(translate(&user, &memory, base + 0x5123, Access::Read), None);
    assert_eq!(translate(&long(), &memory, base + 0x6000, Access::Read), None);
    let large = base + 0x20_0000 + 0x1_2345;
    assert_eq!(translate(&long(), &memory, large, Access::Write), Some(0x4001_2345));
    assert_eq!(translate(&long(), &memory, 0x8000_0000_0000, Access::Read), None);
}

#[test]
fn pae_and_two_levels() {
    let pae = Paging { cr3: 0x1020, efer: 0, ..long() };
    let memory = Memory::from([(0x1020 + 8 * 3, 0x2001), (0x2000, 0x3003), (0x3000 + 8, 0x7003)]);
    assert_eq!(translate(&pae, &memory, 0xc000_1010, Access::Write), Some(0x7010));
    // Only with three levels the lower bits of the root mean something.
    let legacy = Paging { cr3: 0x1fe0, cr4: CR4_PSE, efer: 0, ..long() };
    // Two entries of 4 bytes: a table, and a page of 4 MiB above 4 GiB.
    let memory = Memory::from([(0x1000, 0x0040_2083_0000_2003), (0x2000, 0x9003_0000_0000)]);
    assert_eq!(translate(&legacy, &memory, 0x1008, Access::Write), Some(0x9008));
    assert_eq!(translate(&legacy, &memory, 0x40_0008, Access::Read), Some(0x1_0040_0008));
    assert_eq!(translate(&legacy, &memory, 1 << 32, Access::Read), None);
}

/// Translates as an access for the guest; the words that changed, and what they became.
fn mark(paging: &Paging, memory: &Memory, address: u64, access: Access) -> Option<(u64, Memory)> {
    let now = RefCell::new(memory.clone());
    let physical = paging.translate_and_mark(
        address,
        access,
        |at| Some(now.borrow().get(&at).copied().unwrap_or(0)),
        |at, old, new| {
            let mut now = now.borrow_mut();
            let word = now.get_mut(&at).unwrap();
            let is_same = *word == old;
            *word = if is_same { new } else { *word };
            Some(is_same)
        },
    )?;
    let mut now = now.into_inner();
    now.retain(|at, word| memory.get(at) != Some(word));
    Some((physical, now))
}

#[test]
fn accesses_leave_their_marks() {
    let memory =
        Memory::from([(0x1000, 0x2003), (0x2000, 0x3023), (0x3000, 0x4003), (0x4028, 0x7003)]);
    let read = mark(&long(), &memory, 0x5123, Access::Read);
    let accessed = [(0x1000, 0x2023), (0x3000, 0x4023), (0x4028, 0x7023)];
    assert_eq!(read, Some((0x7123, Memory::from(accessed))));
    let written = mark(&long(), &memory, 0x5123, Access::Write);
    let dirty = [(0x1000, 0x2023), (0x3000, 0x4023), (0x4028, 0x7063)];
    assert_eq!(written, Some((0x7123, Memory::from(dirty))));
    // What is refused leaves none.
    let user = Paging { user: true, ..long() };
    assert_eq!(mark(&user, &memory, 0x5123, Access::Read), None);
    // A table that names itself is its own leaf.
    let own = Memory::from([(0x1000, 0x1003)]);
    let written = mark(&long(), &own, 0x10, Access::Write);
    assert_eq!(written, Some((0x1010, Memory::from([(0x1000, 0x1063)]))));
}

#[test]
fn marks_in_older_tables() {
    let pae = Paging { cr3: 0x1020, efer: 0, ..long() };
    let memory = Memory::from([(0x1020 + 8 * 3, 0x2001), (0x2000, 0x3003), (0x3000 + 8, 0x7003)]);
    let marked = Memory::from([(0x2000, 0x3023), (0x3008, 0x7063)]);
    assert_eq!(mark(&pae, &memory, 0xc000_1010, Access::Write), Some((0x7010, marked)));
    // Only with three levels the lower bits of the root mean something.
    let legacy = Paging { cr3: 0x1fe0, cr4: CR4_PSE, efer: 0, ..long() };
    let memory = Memory::from([(0x1000, 0x0040_2083_0000_2003)]);
    let marked = Memory::from([(0x1000, 0x0040_20e3_0000_2003)]);
    assert_eq!(mark(&legacy, &memory, 0x40_0008, Access::Write), Some((0x1_0040_0008, marked)));
}

#[test]
fn tables_that_change_or_are_read_only_give_nothing() {
    let read = |_| Some(0x1003);
    let changes = long().translate_and_mark(0, Access::Read, read, |_, _, _| Some(false));
    assert_eq!(changes, None);
    let read_only = long().translate_and_mark(0, Access::Read, read, |_, _, _| None);
    assert_eq!(read_only, None);
    let marked_before =
        long().translate_and_mark(0, Access::Read, |_| Some(0x1023), |_, _, _| None);
    assert_eq!(marked_before, Some(0x1000));
}

proptest::proptest! {
    #[test]
    fn any_tables_at_all(cr0: u64, cr3: u64, cr4: u64, efer: u64, address: u64, seed: u64) {
        let paging = Paging { cr0, cr3, cr4, efer, user: seed & 1 != 0 };
        let _ = paging.translate(address, Access::Write, |at| {
            Some((at ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 3)
        });
    }

    /// Marking finds what translating finds, and changes nothing but the marks.
    #[test]
    fn marks_are_all_that_changes(cr0: u64, cr3: u64, cr4: u64, efer: u64, address: u64, seed: u64) {
        let paging = Paging { cr0, cr3, cr4, efer, user: seed & 1 != 0 };
        let address = if efer & EFER_LMA == 0 { address & 0xffff_ffff } else { address >> 17 };
        let read = |at: u64| Some((at ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 3);
        let changed = RefCell::new(Memory::new());
        let found = paging.translate_and_mark(
            address,
            Access::Write,
            |at| changed.borrow().get(&at).copied().or_else(|| read(at)),
            |at, old, new| {
                let was = changed.borrow().get(&at).copied().or_else(|| read(at));
                if was == Some(old) {
                    changed.borrow_mut().insert(at, new);
                }
                Some(was == Some(old))
            },
        );
        proptest::prop_assert_eq!(found, paging.translate(address, Access::Write, read));
        for (at, word) in changed.into_inner() {
            let marks = (Entry::ACCESSED | Entry::DIRTY) << 32 | Entry::ACCESSED | Entry::DIRTY;
            proptest::prop_assert_eq!(Some(word & !marks), read(at).map(|word| word & !marks));
        }
    }
}
