// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules one by one, with Xen's error numbers.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Maddr, Mfn};

use super::super::{PageType, Stop, Update};
use super::fake::{DEVICE, DOM0, DOM0_FIRST, DOM1, Fake, READ_ONLY_DEVICE, RO, RW, update};
use crate::descriptor::Descriptor;
use crate::frame_memory::FrameMemory;
use crate::page_table::{Entry, Level};

const L4: u64 = 20;
const L3: u64 = 21;
const L2: u64 = 22;
const L1: u64 = 23;

fn refused(errno: Errno) -> Result<(), Stop> {
    Err(Stop::Refused(errno))
}

/// One table of each level, the L1 mapping frames 100 (writable) and 101, and itself, read-only.
fn machine() -> Fake {
    let fake = Fake::new();
    for (table, below) in [(L4, L3), (L3, L2), (L2, L1)] {
        fake.map(table, 0, below, RW);
    }
    fake.map(L1, 0, 100, RW);
    fake.map(L1, 1, 101, RO);
    fake.map(L1, 2, L1, RO);
    fake
}

fn pinned() -> Fake {
    let fake = machine();
    fake.types().pin(Mfn::new(L4), Level::L4, DOM1).unwrap();
    fake
}

fn unpin(fake: &Fake) {
    let types = fake.types();
    types.unpin(Mfn::new(L4), DOM1).unwrap();
    types.settle_all(DOM1).unwrap();
    fake.assert_unused();
}

#[test]
fn a_pinned_tree_holds_its_references_and_gives_them_back() {
    let fake = pinned();
    for (mfn, level) in [(L4, Level::L4), (L3, Level::L3), (L2, Level::L2), (L1, Level::L1)] {
        assert_eq!(fake.page(mfn).type_word().page_type(), PageType::Table(level));
        assert_eq!(fake.page(mfn).type_word().count(), 1);
    }
    assert_eq!(fake.page(L1).state().count(), 3);
    assert_eq!(fake.page(100).type_word().page_type(), PageType::Writable);
    assert_eq!(fake.page(101).state().count(), 2);
    assert_eq!(fake.entry(L4, 256).get(), 256 << 12 | Entry::PRESENT);
    unpin(&fake);
    assert_eq!(fake.entry(L4, 256), Entry::EMPTY);
}

#[test]
fn pins_are_single() {
    let fake = pinned();
    let pin = |level| fake.types().pin(Mfn::new(L4), level, DOM1);
    assert_eq!(pin(Level::L4), refused(Errno::Einval));
    assert_eq!(pin(Level::L3), refused(Errno::Einval));
    assert_eq!(fake.types().unpin(Mfn::new(L3), DOM1), refused(Errno::Einval));
    assert_eq!(fake.types().unpin(Mfn::new(L4), DOM0), refused(Errno::Einval));
    unpin(&fake);
    assert_eq!(fake.types().unpin(Mfn::new(L4), DOM1), refused(Errno::Einval));
}

#[test]
fn a_table_is_not_mapped_writable() {
    let fake = pinned();
    for table in [L1, L2, L3, L4] {
        let entry = Entry::map(Mfn::new(table), RW);
        assert_eq!(fake.update(L1, 5, entry), refused(Errno::Ebusy));
        assert_eq!(fake.update(L1, 5, Entry::map(Mfn::new(table), RO)), Ok(()));
    }
    unpin(&fake);
}

#[test]
fn a_writable_frame_does_not_become_a_table() {
    let fake = pinned();
    assert_eq!(fake.update(L2, 5, Entry::map(Mfn::new(100), RW)), refused(Errno::Einval));
    assert_eq!(fake.update(L1, 0, Entry::EMPTY), Ok(()));
    assert_eq!(fake.update(L2, 5, Entry::map(Mfn::new(100), RW)), Ok(()));
    unpin(&fake);
}

#[test]
fn an_l1_that_maps_itself_writable_is_refused() {
    let fake = machine();
    fake.map(L1, 2, L1, RW);
    let types = fake.types();
    assert_eq!(types.pin(Mfn::new(L4), Level::L4, DOM1), refused(Errno::Ebusy));
    types.settle_all(DOM1).unwrap();
    fake.assert_unused();
}

#[test]
fn entries_are_marked_for_ring_3() {
    let fake = pinned();
    let kernel = Entry::PRESENT | Entry::GLOBAL;
    assert_eq!(fake.update(L1, 7, Entry::map(Mfn::new(102), kernel)), Ok(()));
    let stored = fake.entry(L1, 7).get();
    assert_eq!(stored & 0xfff, Entry::PRESENT | Entry::USER);
    assert_ne!(stored & Entry::GUEST_KERNEL, 0);
    assert_eq!(fake.update(L1, 7, Entry::map(Mfn::new(102), RO)), Ok(()));
    assert_eq!(fake.entry(L1, 7).get() & Entry::GUEST_KERNEL, 0);
    unpin(&fake);
}

#[test]
fn forbidden_bits_are_einval_at_all_levels() {
    let fake = pinned();
    let large = 1 << 7;
    for table in [L4, L3, L2] {
        for flags in [large, Entry::GLOBAL, 1 << 3, 1 << 4] {
            let entry = Entry::map(Mfn::new(30), RW | flags);
            assert_eq!(fake.update(table, 9, entry), refused(Errno::Einval));
        }
    }
    for flags in [1 << 3, 1 << 4, 1 << 7] {
        let entry = Entry::map(Mfn::new(30), RW | flags);
        assert_eq!(fake.update(L1, 9, entry), refused(Errno::Einval));
    }
    unpin(&fake);
}

#[test]
fn the_hypervisors_slots_stay_its_own() {
    let fake = pinned();
    for slot in [256, 271] {
        assert_eq!(fake.update(L4, slot, Entry::map(Mfn::new(L3), RW)), refused(Errno::Einval));
        assert_eq!(fake.update(L4, slot, Entry::EMPTY), refused(Errno::Einval));
    }
    for slot in [255, 272] {
        assert_eq!(fake.update(L4, slot, Entry::map(Mfn::new(L3), RW)), Ok(()));
    }
    unpin(&fake);
}

#[test]
fn frames_of_others_need_their_owners_name() {
    let fake = pinned();
    let foreign = Entry::map(Mfn::new(DOM0_FIRST), RW);
    assert_eq!(fake.update(L1, 9, foreign), refused(Errno::Ebusy));
    assert_eq!(fake.update(L1, 9, Entry::map(Mfn::new(3), RO)), refused(Errno::Ebusy));
    assert_eq!(fake.update(L2, 9, foreign), refused(Errno::Einval));
    let named = Update { page_owner: DOM0, ..update(L1, 9, foreign) };
    assert_eq!(fake.types().update_entry(&named), Ok(()));
    assert_eq!(fake.page(DOM0_FIRST).state().count(), 2);
    unpin(&fake);
}

#[test]
fn device_memory_needs_permission() {
    let fake = pinned();
    let device = Entry::map(Mfn::new(DEVICE), RW | 1 << 4);
    let with_cache = fake.update(L1, 9, device);
    assert_eq!(with_cache, refused(Errno::Einval));
    let plain = Entry::map(Mfn::new(DEVICE), RW);
    assert_eq!(fake.update(L1, 9, plain), refused(Errno::Eperm));
    let nothing = Entry::map(Entry::INVALID_MFN, RW);
    assert_eq!(fake.update(L1, 9, nothing), refused(Errno::Einval));
    let by_dom0 =
        Update { table_owner: DOM0, page_owner: DomId::IO, ..update(DOM0_FIRST + 1, 0, device) };
    let types = fake.types();
    types.pin(Mfn::new(DOM0_FIRST + 1), Level::L1, DOM0).unwrap();
    assert_eq!(types.update_entry(&by_dom0), Ok(()));
    let messages = Entry::map(Mfn::new(READ_ONLY_DEVICE), RW | 1 << 4);
    assert_eq!(types.update_entry(&Update { entry: messages, ..by_dom0 }), Ok(()));
    assert_eq!(fake.entry(DOM0_FIRST + 1, 0), Entry::map(messages.mfn(), RO | 1 << 4));
    let cached = Update { page_owner: DOM0, ..by_dom0 };
    let ram = Entry::map(Mfn::new(DOM0_FIRST + 2), RW | 1 << 4);
    assert_eq!(types.update_entry(&Update { entry: ram, ..cached }), Ok(()));
    assert!(!fake.entry(DOM0_FIRST + 1, 0).has_cache_bits());
    types.unpin(Mfn::new(DOM0_FIRST + 1), DOM0).unwrap();
    types.settle_all(DOM0).unwrap();
    unpin(&fake);
}

#[test]
fn plain_frames_are_written_plainly() {
    let fake = pinned();
    assert_eq!(fake.update(200, 3, Entry::new(0x1234_5678)), Ok(()));
    assert_eq!(fake.entry(200, 3).get(), 0x1234_5678);
    assert_eq!(fake.update(DOM0_FIRST, 3, Entry::new(1)), refused(Errno::Einval));
    fake.types().get_descriptors(Mfn::new(201), DOM1).unwrap();
    assert_eq!(fake.update(201, 3, Entry::new(0)), refused(Errno::Einval));
    fake.types().put_page_and_type(Mfn::new(201));
    unpin(&fake);
}

#[test]
fn usage_bits_are_kept_on_request() {
    let fake = pinned();
    let used = Entry::map(Mfn::new(101), RO | Entry::ACCESSED | Entry::DIRTY);
    fake.set(L1, 1, used);
    let clean = Entry::map(Mfn::new(101), RO);
    let keep = Update { keep_usage: true, ..update(L1, 1, clean) };
    assert_eq!(fake.types().update_entry(&keep), Ok(()));
    assert_eq!(fake.entry(L1, 1), used);
    assert_eq!(fake.update(L1, 1, clean), Ok(()));
    assert_eq!(fake.entry(L1, 1), clean);
    unpin(&fake);
}

#[test]
fn bad_descriptors_keep_a_frame_from_a_descriptor_table() {
    let fake = Fake::new();
    let system = 0x0000_8900_0000_0000;
    fake.set(50, 511, Entry::new(system));
    let get = || fake.types().get_descriptors(Mfn::new(50), DOM1);
    assert_eq!(get(), refused(Errno::Einval));
    fake.set(50, 511, Entry::new(0x00cf_9200_0000_ffff));
    assert_eq!(get(), Ok(()));
    assert_eq!(fake.read_u64(Mfn::new(50).maddr()), 0);
    assert_eq!(fake.entry(50, 511).get(), 0x00cf_f200_0000_ffff);
    fake.types().put_page_and_type(Mfn::new(50));
    fake.assert_unused();
}

#[test]
fn descriptors_are_written_where_they_are_or_may_be() {
    let fake = pinned();
    let types = fake.types();
    let write = |mfn: u64, offset: u64, raw: u64| {
        let at = Maddr::new(Mfn::new(mfn).maddr().get() + offset);
        types.update_descriptor(at, Descriptor::new(raw), DOM1)
    };
    types.get_descriptors(Mfn::new(50), DOM1).unwrap();
    for mfn in [50, 51] {
        assert_eq!(write(mfn, 8, 0x00af_9b00_0000_ffff), Ok(()));
        assert_eq!(fake.entry(mfn, 1).get(), 0x00af_fb00_0000_ffff);
        assert_eq!(write(mfn, 8, 0x0000_8900_0000_0000), refused(Errno::Einval));
        assert_eq!(write(mfn, 4, 0), refused(Errno::Einval));
    }
    for mfn in [L1, L4, 3, DOM0_FIRST, 1 << 30] {
        assert_eq!(write(mfn, 8, 0), refused(Errno::Einval));
    }
    types.put_page_and_type(Mfn::new(50));
    unpin(&fake);
}
