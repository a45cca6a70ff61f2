// SPDX-License-Identifier: MIT OR Apache-2.0
//! Long operations stop when the budget is spent, and their books stay right.
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;

use super::super::{PageType, PageTypes, Stop};
use super::fake::{DOM1, Fake, RW};
use crate::page_table::{Entry, Level};

const L4: u64 = 20;
const L3: u64 = 21;
const L2: u64 = 22;
/// First of 512 L1 tables.
const L1: u64 = 100;
/// Budget that ends in the middle of everything: 4 tables.
const SMALL: u32 = 4 * 512;

/// One full L2 of L1 tables, each of which maps a frame writable.
fn machine() -> Fake {
    let fake = Fake::new();
    fake.map(L4, 0, L3, RW);
    fake.map(L3, 0, L2, RW);
    for slot in 0..512 {
        fake.map(L2, slot, L1 + slot, RW);
        fake.map(L1 + slot, 511, L1 + 512 + slot, RW);
    }
    fake
}

/// Repeats `operation` with small budgets until it ends; the number of tries.
fn repeat(
    fake: &Fake,
    mut operation: impl FnMut(&PageTypes<'_, Fake>) -> Result<(), Stop>,
) -> (usize, Result<(), Stop>) {
    for tries in 1..1000 {
        let types = PageTypes::new(fake, SMALL);
        match types.settle_all(DOM1).and_then(|()| operation(&types)) {
            Err(Stop::Preempted) => {}
            result => return (tries, result),
        }
    }
    panic!("no end");
}

fn settle(fake: &Fake) {
    fake.types().settle_all(DOM1).unwrap();
    fake.assert_unused();
}

#[test]
fn a_pin_goes_on_where_it_stopped() {
    let fake = machine();
    let (tries, result) = repeat(&fake, |types| types.pin(Mfn::new(L4), Level::L4, DOM1));
    assert_eq!(result, Ok(()));
    assert!((100..600).contains(&tries), "{tries}");
    assert_eq!(fake.page(L3).type_word().count(), 1);
    fake.types().unpin(Mfn::new(L4), DOM1).unwrap();
    let (tries, _) = repeat(&fake, |_| Ok(()));
    assert!(tries > 100);
    fake.assert_unused();
}

#[test]
fn xsa_299_a_failing_last_entry_after_many_stops() {
    let fake = machine();
    fake.map(L2, 511, L1 + 511, RW | 1 << 7);
    let (_, result) = repeat(&fake, |types| types.pin(Mfn::new(L4), Level::L4, DOM1));
    assert_eq!(result, Err(Stop::Refused(Errno::Einval)));
    settle(&fake);
}

#[test]
fn xsa_310_a_half_checked_table_is_used_as_something_else() {
    let fake = machine();
    let pin = |types: &PageTypes<'_, Fake>| types.pin(Mfn::new(L4), Level::L4, DOM1);
    for _ in 0..5 {
        assert_eq!(pin(&PageTypes::new(&fake, SMALL)), Err(Stop::Preempted));
    }
    assert!(fake.page(L2).type_word().is_partial());
    let (_, result) =
        repeat(&fake, |types| types.get_page_and_type(Mfn::new(L2), DOM1, PageType::Writable));
    assert_eq!(result, Ok(()));
    assert_eq!(fake.page(L1).state().count(), 1);
    assert_eq!(pin(&fake.types()), Err(Stop::Refused(Errno::Einval)));
    fake.types().put_page_and_type(Mfn::new(L2));
    settle(&fake);
}

#[test]
fn a_guest_that_never_comes_back_leaves_nothing_behind() {
    for stops in 1..40 {
        let fake = machine();
        for _ in 0..stops {
            let types = PageTypes::new(&fake, SMALL);
            assert_eq!(types.pin(Mfn::new(L4), Level::L4, DOM1), Err(Stop::Preempted));
        }
        // As the end of the domain does.
        for mfn in 16..1500 {
            fake.types().settle(Mfn::new(mfn)).unwrap();
        }
        settle(&fake);
    }
}

#[test]
fn an_entry_changed_while_the_check_waits_is_no_hole() {
    let fake = machine();
    for _ in 0..5 {
        let types = PageTypes::new(&fake, SMALL);
        assert_eq!(types.pin(Mfn::new(L4), Level::L4, DOM1), Err(Stop::Preempted));
    }
    // The L2 is not in use: it is written as plain memory, after its references are dropped.
    assert_eq!(fake.update(L2, 0, Entry::EMPTY), Ok(()));
    assert!(!fake.page(L2).type_word().is_partial());
    assert_eq!(fake.types().pin(Mfn::new(L4), Level::L4, DOM1), Ok(()));
    assert_eq!(fake.page(L1).state().count(), 1);
    fake.types().unpin(Mfn::new(L4), DOM1).unwrap();
    settle(&fake);
}

#[test]
fn uses_by_tables_out_of_use_are_no_uses() {
    let fake = machine();
    fake.map(L2, 511, L1 + 511, RW | 1 << 7);
    let pin = fake.types().pin(Mfn::new(L4), Level::L4, DOM1);
    assert_eq!(pin, Err(Stop::Refused(Errno::Einval)));
    // The L2 still waits to be taken apart, and so holds its L1s.
    let types = fake.types();
    assert_eq!(types.get_page_and_type(Mfn::new(L1), DOM1, PageType::Writable), Ok(()));
    types.put_page_and_type(Mfn::new(L1));
    settle(&fake);
}
