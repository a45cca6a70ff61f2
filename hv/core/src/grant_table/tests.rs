// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of both sides of grants, and of advisories by number.

use super::audit;
use super::entry::{Access, Active, Use};
use super::maptrack::{MAX_PAGES, Mapping, Maptrack, MaptrackPage, SLOTS_PER_PAGE, Slot, Ways};
use super::table::{ACTIVE_PER_PAGE, GrantTable, SharedFrame, TableFrame};
use proptest::prelude::*;
use std::boxed::Box;
use std::sync::atomic::Ordering::Relaxed;
use std::vec::Vec;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;
use xen_abi::grant_table::{
    GrantEntryV1, GrantFlags, GrantHandle, GrantRef, GrantStatus, SharedGrantEntry,
};

const MAPPER: DomId = DomId::DOM0;
const HOST: Ways = Ways { host: true, device: false };
const DEVICE: Ways = Ways { host: false, device: true };
const BOTH: Ways = Ways { host: true, device: true };

fn new_frame() -> Result<TableFrame<'static>, Errno> {
    let shared: &'static SharedFrame =
        Box::leak(Box::new(core::array::from_fn(|_| SharedGrantEntry::default())));
    let page = || Box::leak(Box::new([Active::UNUSED; ACTIVE_PER_PAGE]));
    Ok(TableFrame { shared, mfn: Mfn::new(99), active: [page(), page()] })
}

fn slots() -> Result<&'static mut MaptrackPage, Errno> {
    Ok(Box::leak(Box::new([Slot::EMPTY; SLOTS_PER_PAGE])))
}

fn table(domain: u16) -> GrantTable<'static> {
    let mut table = GrantTable::new(DomId::new(domain), 4);
    table.grow(1, new_frame).unwrap();
    table
}

fn reference(number: u32) -> GrantRef {
    GrantRef::new(number)
}

fn grant(table: &GrantTable<'static>, number: u32, flags: GrantFlags) {
    let entry = GrantEntryV1 { flags, domid: MAPPER, frame: 0x1000 + number };
    table.shared(reference(number)).unwrap().publish(entry);
}

fn flags(table: &GrantTable<'static>, number: u32) -> GrantFlags {
    table.shared(reference(number)).unwrap().load().flags
}

fn pin(table: &mut GrantTable<'static>, number: u32, access: Access) -> Result<u32, GrantStatus> {
    table.pin(reference(number), MAPPER, access, Use::Map, Some)
}

fn mapping(number: u32, access: Access, ways: Ways) -> Mapping {
    let (granter, reference) = (DomId::new(1), reference(number));
    Mapping { granter, reference, frame: 0, access, ways, by_entry: false }
}

#[test]
fn the_guest_sees_a_use_until_its_end() {
    let mut table = table(1);
    grant(&table, 8, GrantFlags::PERMIT_ACCESS);
    assert_eq!(pin(&mut table, 8, Access::ReadOnly), Ok(0x1008));
    assert_eq!(flags(&table, 8), GrantFlags::PERMIT_ACCESS | GrantFlags::READING);
    assert_eq!(pin(&mut table, 8, Access::ReadWrite), Ok(0x1008));
    assert!(flags(&table, 8).contains(GrantFlags::READING | GrantFlags::WRITING));
    assert!(!table.shared(reference(8)).unwrap().revoke());
    assert!(table.unpin(reference(8), Access::ReadWrite));
    assert_eq!(flags(&table, 8), GrantFlags::PERMIT_ACCESS | GrantFlags::READING);
    assert!(table.unpin(reference(8), Access::ReadOnly));
    assert_eq!(flags(&table, 8), GrantFlags::PERMIT_ACCESS);
    assert!(table.shared(reference(8)).unwrap().revoke());
    assert_eq!(pin(&mut table, 8, Access::ReadOnly), Err(GrantStatus::GENERAL_ERROR));
}

#[test]
fn only_what_is_granted_and_only_to_whom() {
    let mut table = table(1);
    grant(&table, 8, GrantFlags::PERMIT_ACCESS | GrantFlags::READONLY);
    let general = Err(GrantStatus::GENERAL_ERROR);
    assert_eq!(pin(&mut table, 8, Access::ReadWrite), general);
    let other = DomId::new(7);
    assert_eq!(table.pin(reference(8), other, Access::ReadOnly, Use::Map, Some), general);
    assert_eq!(pin(&mut table, 9, Access::ReadOnly), general);
    grant(&table, 10, GrantFlags::ACCEPT_TRANSFER);
    assert_eq!(pin(&mut table, 10, Access::ReadOnly), general);
    grant(&table, 11, GrantFlags::PERMIT_ACCESS | GrantFlags::SUB_PAGE);
    assert_eq!(pin(&mut table, 11, Access::ReadOnly), general);
    for beyond in [512, 2048, u32::MAX] {
        assert_eq!(pin(&mut table, beyond, Access::ReadOnly), Err(GrantStatus::BAD_GNTREF));
        assert!(!table.unpin(reference(beyond), Access::ReadOnly));
    }
    assert_eq!(table.pins(), 0);
    assert_eq!(flags(&table, 8), GrantFlags::PERMIT_ACCESS | GrantFlags::READONLY);
}

#[test]
fn a_grant_in_use_keeps_its_frame_and_its_user() {
    let mut table = table(1);
    grant(&table, 8, GrantFlags::PERMIT_ACCESS);
    assert_eq!(pin(&mut table, 8, Access::ReadOnly), Ok(0x1008));
    table.shared(reference(8)).unwrap().frame.store(5, Relaxed);
    assert_eq!(pin(&mut table, 8, Access::ReadOnly), Ok(0x1008));
    let other = DomId::new(7);
    let refused = table.pin(reference(8), other, Access::ReadOnly, Use::Copy, Some);
    assert_eq!(refused, Err(GrantStatus::GENERAL_ERROR));
}

#[test]
fn tables_grow_to_their_limit() {
    let mut table = table(1);
    assert_eq!(table.grow(5, new_frame), Err(Errno::Einval));
    assert_eq!(table.grow(3, new_frame), Ok(()));
    assert_eq!((table.frames(), table.entries()), (3, 1536));
    assert_eq!(table.grow(2, new_frame), Ok(()));
    assert_eq!(table.frames(), 3);
    assert_eq!(table.grow(4, || Err(Errno::Enomem)), Err(Errno::Enomem));
    assert_eq!(std::iter::from_fn(|| table.take_frame()).count(), 3);
    assert_eq!(table.grow(1, new_frame), Err(Errno::Einval));
}

#[test]
fn unused_entries_swap() {
    let mut table = table(1);
    grant(&table, 8, GrantFlags::PERMIT_ACCESS);
    assert_eq!(table.swap(reference(8), reference(20)), Ok(()));
    assert_eq!(flags(&table, 8), GrantFlags::empty());
    assert_eq!(pin(&mut table, 20, Access::ReadOnly), Ok(0x1008));
    assert_eq!(table.swap(reference(8), reference(20)), Err(GrantStatus::EAGAIN));
    assert_eq!(table.swap(reference(8), reference(512)), Err(GrantStatus::BAD_GNTREF));
}

#[test]
fn handles_start_at_zero_and_come_back() {
    let mut maptrack = Maptrack::new(1);
    let one = mapping(8, Access::ReadOnly, HOST);
    for expected in 0..256 {
        maptrack.reserve(&mut slots).unwrap();
        assert_eq!(maptrack.insert(one), Some(GrantHandle::new(expected)));
    }
    assert_eq!(maptrack.reserve(&mut slots), Err(GrantStatus::NO_DEVICE_SPACE));
    assert_eq!(maptrack.insert(one), None);
    for freed in [3, 200] {
        assert_eq!(maptrack.remove(GrantHandle::new(freed)), Some(one));
        assert_eq!(maptrack.remove(GrantHandle::new(freed)), None);
        assert_eq!(maptrack.get(GrantHandle::new(freed)), Err(GrantStatus::BAD_HANDLE));
    }
    for expected in [200, 3] {
        assert_eq!(maptrack.reserve(&mut slots), Ok(()));
        assert_eq!(maptrack.insert(one), Some(GrantHandle::new(expected)));
    }
    for wrong in [256, u32::MAX] {
        assert_eq!(maptrack.get(GrantHandle::new(wrong)), Err(GrantStatus::BAD_HANDLE));
    }
}

#[test]
fn no_memory_is_no_space() {
    let mut maptrack = Maptrack::new(9);
    let failed = maptrack.reserve(&mut || Err(Errno::Enomem));
    assert_eq!(failed, Err(GrantStatus::NO_DEVICE_SPACE));
    assert_eq!(maptrack.reserve(&mut slots), Ok(()));
}

/// An unmap of one way must neither release the other nor be counted twice.
#[test]
fn xsa_224_ways_end_one_by_one() {
    let mut maptrack = Maptrack::new(1);
    maptrack.reserve(&mut slots).unwrap();
    let handle = maptrack.insert(mapping(8, Access::ReadWrite, BOTH)).unwrap();
    assert_eq!(maptrack.take_ways(handle, DEVICE), None);
    assert_eq!(maptrack.take_ways(handle, DEVICE), None);
    assert_eq!(maptrack.get(handle).map(|mapping| mapping.ways), Ok(HOST));
    assert!(maptrack.take_ways(handle, HOST).is_some());
    assert_eq!(maptrack.take_ways(handle, HOST), None);
    assert_eq!(maptrack.live(), 0);
}

/// Uses are never counted below zero, and read uses never as write uses.
#[test]
fn xsa_236_pins_do_not_wrap() {
    let mut table = table(1);
    grant(&table, 8, GrantFlags::PERMIT_ACCESS);
    assert!(!table.unpin(reference(8), Access::ReadOnly));
    pin(&mut table, 8, Access::ReadOnly).unwrap();
    assert!(!table.unpin(reference(8), Access::ReadWrite));
    for _ in 1..u16::MAX {
        pin(&mut table, 8, Access::ReadOnly).unwrap();
    }
    assert_eq!(pin(&mut table, 8, Access::ReadOnly), Err(GrantStatus::GENERAL_ERROR));
    for _ in 0..u16::MAX {
        assert!(table.unpin(reference(8), Access::ReadOnly));
    }
    assert_eq!((table.pins(), flags(&table, 8)), (0, GrantFlags::PERMIT_ACCESS));
}

/// A table is not taken apart while somebody uses it.
#[test]
fn xsa_255_a_table_in_use_stays() {
    let mut table = table(1);
    grant(&table, 8, GrantFlags::PERMIT_ACCESS);
    pin(&mut table, 8, Access::ReadOnly).unwrap();
    assert!(table.take_frame().is_none());
    assert!(table.unpin(reference(8), Access::ReadOnly));
    assert!(table.take_frame().is_some());
}

/// Grants of version 2 (part of a page, or of another's grant) are no grants here.
#[test]
fn xsa_226_no_transitive_grants() {
    let mut table = table(1);
    grant(&table, 8, GrantFlags::TYPE_MASK);
    for purpose in [Use::Map, Use::Copy] {
        let used = table.pin(reference(8), MAPPER, Access::ReadOnly, purpose, Some);
        assert_eq!(used, Err(GrantStatus::GENERAL_ERROR));
    }
    assert_eq!((table.pins(), flags(&table, 8)), (0, GrantFlags::TYPE_MASK));
}

/// A big maptrack is released in steps of the caller's choice.
#[test]
fn xsa_380_mappings_are_released_in_steps() {
    let mut maptrack = Maptrack::new(MAX_PAGES);
    let total = u32::try_from(MAX_PAGES * SLOTS_PER_PAGE).unwrap();
    for number in 0..total {
        maptrack.reserve(&mut slots).unwrap();
        maptrack.insert(mapping(number, Access::ReadOnly, HOST)).unwrap();
    }
    assert!(maptrack.take_page().is_none());
    let mut next = GrantHandle::new(0);
    while let Some((handle, _)) = maptrack.next_live(next) {
        maptrack.remove(handle).unwrap();
        next = handle;
    }
    assert_eq!(maptrack.live(), 0);
    assert_eq!(std::iter::from_fn(|| maptrack.take_page()).count(), MAX_PAGES);
    assert_eq!(maptrack.reserve(&mut slots), Err(GrantStatus::NO_DEVICE_SPACE));
}

/// Indices are checked against what was given, not against a rounded-up capacity.
#[test]
fn xsa_382_nothing_beyond_the_last_entry() {
    let table = table(1);
    assert!(table.active(reference(511)).is_some() && table.shared(reference(511)).is_some());
    for beyond in [512, 1024, 4096, u32::MAX] {
        assert!(table.active(reference(beyond)).is_none());
        assert!(table.shared(reference(beyond)).is_none());
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Granter writes an entry: number and raw flags.
    Write(u32, u16),
    Revoke(u32),
    Map(u32, bool),
    Unmap(u32),
    Copy(u32, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u32..4, prop_oneof![Just(1u16), Just(5), Just(0), any::<u16>()])
            .prop_map(|(number, flags)| Step::Write(number, flags)),
        (0u32..4).prop_map(Step::Revoke),
        (0u32..5, any::<bool>()).prop_map(|(number, write)| Step::Map(number, write)),
        (0u32..12).prop_map(Step::Unmap),
        (0u32..5, any::<bool>()).prop_map(|(number, write)| Step::Copy(number, write)),
    ]
}

fn access(write: bool) -> Access {
    if write { Access::ReadWrite } else { Access::ReadOnly }
}

proptest! {
    /// Whatever both guests do, the granter's records are the mapper's mappings.
    #[test]
    fn both_sides_agree(steps in prop::collection::vec(step(), 0..150)) {
        let mut granter = table(1);
        let mut maptrack = Maptrack::new(1);
        for step in steps {
            match step {
                Step::Write(number, flags) => {
                    grant(&granter, number, GrantFlags::from_bits_retain(flags));
                }
                Step::Revoke(number) => {
                    let busy = granter.active(reference(number)).unwrap().pins > 0;
                    let in_use = flags(&granter, number).in_use();
                    let revoked = granter.shared(reference(number)).unwrap().revoke();
                    prop_assert!(!(busy && in_use && revoked));
                }
                Step::Map(number, write) => {
                    let access = access(write);
                    if pin(&mut granter, number, access).is_ok() {
                        maptrack.reserve(&mut slots).unwrap();
                        maptrack.insert(mapping(number, access, HOST)).unwrap();
                    }
                }
                Step::Unmap(number) => {
                    if let Some(ended) = maptrack.take_ways(GrantHandle::new(number), HOST) {
                        prop_assert!(granter.unpin(ended.reference, ended.access));
                    }
                }
                Step::Copy(number, write) => {
                    let used = granter.pin(reference(number), MAPPER, access(write), Use::Copy, Some);
                    if used.is_ok() {
                        prop_assert!(granter.unpin(reference(number), access(write)));
                    }
                }
            }
            let count = |user, reference| {
                if user == MAPPER { audit::count(&maptrack, DomId::new(1), reference) } else { (0, 0) }
            };
            prop_assert_eq!(audit::check(&granter, count), Ok(()));
        }
        let live: Vec<_> = audit::mappings(&maptrack).collect();
        prop_assert_eq!(live.len() as u64, granter.pins());
    }
}
