// SPDX-License-Identifier: MIT OR Apache-2.0
//! Leaves written for grants.
use xen_abi::errno::Errno;
use xen_abi::frame::{Maddr, Mfn};

use super::super::{Stop, Update};
use super::fake::{DOM0, DOM0_FIRST, DOM1, Fake, RO, RW, update};
use crate::page_table::{Entry, Level, entry_at};

const L1: u64 = 23;
const GRANTED: Mfn = Mfn::new(DOM0_FIRST + 7);

fn machine() -> Fake {
    let fake = Fake::new();
    fake.types().pin(Mfn::new(L1), Level::L1, DOM1).unwrap();
    fake
}

fn grant(slot: u64, flags: u64) -> Update {
    Update { page_owner: DOM0, ..update(L1, slot, Entry::map(GRANTED, flags)) }
}

fn unmap(fake: &Fake, at: Maddr, mfn: Mfn, writable: bool) -> Result<(), Stop> {
    fake.types().unmap_grant(at, DOM1, mfn, writable)
}

#[test]
fn a_mapping_comes_and_goes() {
    let fake = machine();
    assert_eq!(fake.types().map_grant(&grant(1, RW)), Ok(()));
    assert_eq!(fake.page(GRANTED.get()).state().count(), 2);
    assert_eq!(unmap(&fake, grant(1, 0).at, GRANTED, true), Ok(()));
    assert_eq!(fake.entry(L1, 1), Entry::EMPTY);
    assert_eq!(fake.page(GRANTED.get()).state().count(), 1);
}

#[test]
fn what_was_there_is_dropped() {
    let fake = machine();
    fake.update(L1, 1, Entry::map(Mfn::new(100), RW)).unwrap();
    assert_eq!(fake.types().map_grant(&grant(1, RO)), Ok(()));
    assert_eq!(fake.page(100).state().count(), 1);
}

#[test]
fn xsa_227_the_entry_is_aligned() {
    let fake = machine();
    let wish = grant(1, RW);
    let crooked = Update { at: Maddr::new(wish.at.get() + 4), ..wish };
    let refused = Err(Stop::Refused(Errno::Einval));
    assert_eq!(fake.types().map_grant(&crooked), refused);
    assert_eq!(unmap(&fake, crooked.at, GRANTED, true), refused);
}

#[test]
fn only_l1_tables_of_the_mapper_take_grants() {
    let fake = machine();
    let refused = Err(Stop::Refused(Errno::Einval));
    for table in [100, DOM0_FIRST, 3, 1 << 30] {
        let at = entry_at(Mfn::new(table), 0);
        assert_eq!(fake.types().map_grant(&Update { at, ..grant(0, RW) }), refused);
    }
}

#[test]
fn xsa_234_only_that_very_mapping_is_taken_back() {
    let fake = machine();
    fake.types().map_grant(&grant(1, RO)).unwrap();
    let refused = Err(Stop::Refused(Errno::Einval));
    assert_eq!(unmap(&fake, grant(1, 0).at, GRANTED, true), refused);
    assert_eq!(unmap(&fake, grant(1, 0).at, Mfn::new(100), false), refused);
    assert_eq!(unmap(&fake, grant(2, 0).at, GRANTED, false), refused);
    assert_eq!(unmap(&fake, grant(1, 0).at, GRANTED, false), Ok(()));
}

#[test]
fn a_granted_frame_outlives_its_owners_allocation() {
    let fake = machine();
    fake.types().map_grant(&grant(1, RW)).unwrap();
    assert!(fake.page(GRANTED.get()).take_allocation(DOM0));
    fake.types().put_page(GRANTED);
    assert!(fake.released.borrow().is_empty());
    unmap(&fake, grant(1, 0).at, GRANTED, true).unwrap();
    assert_eq!(*fake.released.borrow(), [GRANTED]);
}
