// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has broken Xen's direct paging before, each by the number of its advisory.
use proptest::prelude::*;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;

use super::super::{Machine, PageType, Stop};
use super::fake::{DOM1, Fake, RO, RW};
use crate::page_table::{Entry, Level};

const L4: u64 = 20;
const L3: u64 = 21;
const L2: u64 = 22;
const L1: u64 = 23;
const EINVAL: Result<(), Stop> = Err(Stop::Refused(Errno::Einval));

fn pinned() -> Fake {
    let fake = Fake::new();
    for (table, below) in [(L4, L3), (L3, L2), (L2, L1)] {
        fake.map(table, 0, below, RW);
    }
    fake.types().pin(Mfn::new(L4), Level::L4, DOM1).unwrap();
    fake
}

fn end(fake: &Fake) {
    let types = fake.types();
    types.unpin(Mfn::new(L4), DOM1).unwrap();
    types.settle_all(DOM1).unwrap();
    fake.assert_unused();
}

#[test]
fn xsa_148_no_large_page_by_a_change_of_flags() {
    let fake = pinned();
    let large = 1 << 7;
    for (table, below) in [(L4, L3), (L3, L2), (L2, L1)] {
        for flags in [RW | large, RO | large] {
            assert_eq!(fake.update(table, 0, Entry::map(Mfn::new(below), flags)), EINVAL);
        }
        assert_eq!(fake.entry(table, 0).mfn(), Mfn::new(below));
    }
    end(&fake);
}

#[test]
fn xsa_182_no_writable_self_map_by_a_change_of_flags() {
    let fake = pinned();
    for table in [L4, L3, L2] {
        assert_eq!(fake.update(table, 9, Entry::map(Mfn::new(table), RW)), EINVAL);
        assert_eq!(fake.update(table, 9, Entry::map(Mfn::new(table), RO)), Ok(()));
        let upgrade = Entry::map(Mfn::new(table), RW | Entry::ACCESSED);
        assert_eq!(fake.update(table, 9, upgrade), EINVAL);
        assert!(!fake.entry(table, 9).is_writable());
        // Harmless bits may change.
        let used = Entry::map(Mfn::new(table), RO | Entry::ACCESSED | Entry::NO_EXECUTE);
        assert_eq!(fake.update(table, 9, used), Ok(()));
    }
    end(&fake);
}

#[test]
fn xsa_240_no_chain_of_linear_tables() {
    let fake = pinned();
    for (table, level) in [(30, Level::L4), (31, Level::L3), (32, Level::L2)] {
        fake.types().pin(Mfn::new(table), level, DOM1).unwrap();
    }
    for (table, other) in [(L4, 30), (L3, 31), (L2, 32)] {
        assert_eq!(fake.update(table, 9, Entry::map(Mfn::new(other), RO)), EINVAL);
        assert_eq!(fake.update(other, 9, Entry::map(Mfn::new(table), RO)), EINVAL);
    }
    let types = fake.types();
    (30..33).for_each(|mfn| types.unpin(Mfn::new(mfn), DOM1).unwrap());
    end(&fake);
}

#[test]
fn xsa_286_an_old_use_is_flushed_before_a_new_one() {
    let fake = pinned();
    fake.update(L1, 0, Entry::map(Mfn::new(100), RW)).unwrap();
    fake.update(L1, 0, Entry::EMPTY).unwrap();
    let before = fake.flushes.get();
    // The TLB may still hold frame 100 writable.
    fake.update(L2, 1, Entry::map(Mfn::new(100), RW)).unwrap();
    assert_eq!(fake.flushes.get(), before + 1);
    // And then the table in the paging-structure caches.
    fake.update(L2, 1, Entry::EMPTY).unwrap();
    fake.update(L1, 0, Entry::map(Mfn::new(100), RW)).unwrap();
    assert_eq!(fake.flushes.get(), before + 2);
    end(&fake);
}

#[test]
fn xsa_401_a_type_is_not_taken_before_its_check_ended() {
    let fake = pinned();
    // The L2 maps the L1 twice; the second reference needs a finished check.
    fake.update(L2, 1, Entry::map(Mfn::new(L1), RW)).unwrap();
    assert_eq!(fake.page(L1).type_word().count(), 2);
    // An L1 below itself as L1's own leaf, writable: taken while the check runs.
    fake.map(40, 0, 40, RW);
    assert_eq!(fake.update(L2, 2, Entry::map(Mfn::new(40), RW)), Err(Stop::Refused(Errno::Ebusy)));
    end(&fake);
}

#[test]
fn xsa_214_a_frame_that_changes_hands_has_no_type() {
    let fake = Fake::new();
    fake.types().get_descriptors(Mfn::new(60), DOM1).unwrap();
    assert!(!fake.page(60).steal(DOM1));
    fake.types().put_page_and_type(Mfn::new(60));
    assert!(fake.page(60).steal(DOM1));
    fake.page(60).reset_type();
    assert_eq!(fake.page(60).type_word().page_type(), PageType::None);
}

#[test]
fn xsa_248_frames_of_the_hypervisor_are_not_mapped() {
    let fake = pinned();
    for mfn in 0..16 {
        let refused = fake.update(L1, 0, Entry::map(Mfn::new(mfn), RO));
        assert_eq!(refused, Err(Stop::Refused(Errno::Ebusy)));
        assert_eq!(fake.update(L2, 1, Entry::map(Mfn::new(mfn), RO)), EINVAL);
    }
    end(&fake);
}

#[test]
fn frames_that_the_hypervisor_writes_do_not_become_tables() {
    let fake = pinned();
    fake.frame_table().share(Mfn::new(5), DOM1);
    for level in [Level::L1, Level::L2, Level::L3, Level::L4] {
        assert_eq!(fake.types().pin(Mfn::new(5), level, DOM1), EINVAL);
    }
    assert_eq!(fake.types().get_descriptors(Mfn::new(5), DOM1), EINVAL);
    assert_eq!(fake.update(L1, 0, Entry::map(Mfn::new(5), RW)), Ok(()));
    assert_eq!(fake.recount(), 0);
    // The hypervisor lets go; the guest's mapping keeps the frame.
    fake.types().unshare(Mfn::new(5));
    assert_eq!(fake.recount(), 0);
    assert!(fake.released.borrow().is_empty());
    assert_eq!(fake.types().pin(Mfn::new(5), Level::L1, DOM1), EINVAL);
    end(&fake);
    assert_eq!(*fake.released.borrow(), [Mfn::new(5)]);
}

/// One step of a hostile guest on frames 20 to 31.
#[derive(Clone, Debug)]
enum Step {
    Pin(u64, Level),
    Unpin(u64),
    Update { table: u64, slot: u64, target: u64, flags: u64 },
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![Just(Level::L1), Just(Level::L2), Just(Level::L3), Just(Level::L4)]
}

fn step() -> impl Strategy<Value = Step> {
    let flags = prop_oneof![4 => Just(RW), 3 => Just(RO), 1 => Just(RW | 1 << 7), 1 => Just(0)];
    prop_oneof![
        (20..32u64, level()).prop_map(|(mfn, level)| Step::Pin(mfn, level)),
        (20..32u64).prop_map(Step::Unpin),
        (20..32u64, 0..3u64, 20..32u64, flags).prop_map(|(table, slot, target, flags)| {
            Step::Update { table, slot, target, flags }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever a guest does, no table in use is mapped writable, and the recount agrees.
    #[test]
    fn no_sequence_makes_a_table_writable(steps in prop::collection::vec(step(), 1..60)) {
        let fake = Fake::new();
        for step in steps {
            let types = fake.types();
            match step {
                Step::Pin(mfn, level) => { let _ = types.pin(Mfn::new(mfn), level, DOM1); }
                Step::Unpin(mfn) => { let _ = types.unpin(Mfn::new(mfn), DOM1); }
                Step::Update { table, slot, target, flags } => {
                    let _ = fake.update(table, slot, Entry::map(Mfn::new(target), flags));
                }
            }
            types.settle_all(DOM1).unwrap();
            prop_assert_eq!(fake.recount(), 0);
        }
        for mfn in 20..32 {
            let _ = fake.types().unpin(Mfn::new(mfn), DOM1);
        }
        fake.types().settle_all(DOM1).unwrap();
        fake.assert_unused();
    }
}
