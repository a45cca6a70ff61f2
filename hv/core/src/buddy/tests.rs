// SPDX-License-Identifier: MIT OR Apache-2.0
use std::collections::BTreeSet;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::page_info::PageInfo;

fn pages(count: usize) -> Vec<PageInfo> {
    (0..count).map(|_| PageInfo::default()).collect()
}

#[test]
fn frame_zero_and_frames_beyond_the_table_stay_out() {
    let pages = pages(64);
    let table = FrameTable::new(&pages);
    let mut buddy = Buddy::new();
    buddy.add(table, Mfn::new(0), Mfn::new(1000));
    assert_eq!(buddy.free_frames(), 63);
    assert_eq!(buddy.alloc(table, 5), Some(Mfn::new(32)));
    assert_eq!(buddy.alloc(table, 5), None);
}

#[test]
fn everything_merges_again() {
    let pages = pages(1 << 10);
    let table = FrameTable::new(&pages);
    let mut buddy = Buddy::new();
    buddy.add(table, Mfn::new(256), Mfn::new(1024));
    let all: Vec<Mfn> = core::iter::from_fn(|| buddy.alloc(table, 0)).collect();
    assert_eq!((all.len(), buddy.free_frames()), (768, 0));
    for mfn in all.iter().rev() {
        buddy.free(table, *mfn, 0);
    }
    assert_eq!(buddy.alloc(table, 9), Some(Mfn::new(512)));
    assert_eq!(buddy.alloc(table, 8), Some(Mfn::new(256)));
    assert_eq!(buddy.free_frames(), 0);
}

#[test]
fn address_limits_are_kept() {
    let pages = pages(1 << 10);
    let table = FrameTable::new(&pages);
    let mut buddy = Buddy::new();
    buddy.add(table, Mfn::new(1), Mfn::new(1024));
    // 20 bits of address: frames below 256.
    let low: Vec<Mfn> = core::iter::from_fn(|| buddy.alloc_below(table, 0, 20)).collect();
    assert_eq!(low.len(), 255);
    assert!(low.iter().all(|mfn| mfn.get() < 256));
    assert_eq!(buddy.free_frames(), 768);
    assert_eq!(buddy.alloc_below(table, 0, 11), None);
    assert_eq!(buddy.alloc(table, MAX_ORDER + 1), None);
}

#[test]
fn low_memory_goes_last() {
    let pages = pages(1 << 10);
    let table = FrameTable::new(&pages);
    let mut buddy = Buddy::new();
    buddy.add(table, Mfn::new(64), Mfn::new(128));
    buddy.add(table, Mfn::new(512), Mfn::new(528));
    // The higher zone has no block that is large enough.
    assert_eq!(buddy.alloc(table, 5), Some(Mfn::new(64)));
    assert_eq!(buddy.alloc(table, 4), Some(Mfn::new(512)));
    assert_eq!(buddy.alloc(table, 4), Some(Mfn::new(96)));
    buddy.free(table, Mfn::new(512), 4);
    assert_eq!(buddy.alloc_below(table, 4, 19), Some(Mfn::new(112)));
    assert_eq!(buddy.alloc_below(table, 0, 21), None);
    assert_eq!(buddy.alloc_below(table, 0, 22), Some(Mfn::new(512)));
}

#[test]
#[should_panic(expected = "in use")]
fn double_free_is_noticed() {
    let pages = pages(16);
    let table = FrameTable::new(&pages);
    let mut buddy = Buddy::new();
    buddy.add(table, Mfn::new(1), Mfn::new(16));
    buddy.free(table, Mfn::new(8), 0);
}

proptest! {
    #[test]
    fn blocks_never_overlap(steps in prop::collection::vec((0u32..6, any::<bool>()), 1..200)) {
        let pages = pages(512);
        let table = FrameTable::new(&pages);
        let mut buddy = Buddy::new();
        buddy.add(table, Mfn::new(3), Mfn::new(509));
        let total = buddy.free_frames();
        let mut held: Vec<(Mfn, u32)> = Vec::new();
        let mut used = BTreeSet::new();
        for (order, release) in steps {
            if release && !held.is_empty() {
                let (mfn, order) = held.swap_remove(order as usize % held.len());
                (0..1 << order).for_each(|i| assert!(used.remove(&(mfn.get() + i))));
                buddy.free(table, mfn, order);
            } else if let Some(mfn) = buddy.alloc(table, order) {
                prop_assert_eq!(mfn.get() % (1 << order), 0);
                (0..1u64 << order).for_each(|i| assert!(used.insert(mfn.get() + i)));
                held.push((mfn, order));
            }
            prop_assert_eq!(buddy.free_frames(), total - used.len() as u64);
        }
    }
}
