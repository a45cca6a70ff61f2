// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the set of page ranges.
use super::{MAX, PageRanges};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ops::Range;
use proptest::prelude::*;

fn ranges(set: &PageRanges) -> Vec<Range<u64>> {
    set.iter().collect()
}

#[test]
fn neighbours_become_one_range() {
    let mut set = PageRanges::new();
    set.add(10..20);
    set.add(30..40);
    set.add(20..25);
    assert_eq!(ranges(&set), [10..25, 30..40]);
    set.add(24..31);
    assert_eq!(ranges(&set).first(), Some(&(10..40)));
    assert_eq!((set.pages(), set.end()), (30, 40));
}

#[test]
fn removing_splits() {
    let mut set = PageRanges::new();
    set.add(0..u64::MAX);
    set.remove(5..10);
    set.remove(0..1);
    assert_eq!(ranges(&set), [1..5, 10..u64::MAX]);
    assert!(set.contains(&(1..5)) && !set.contains(&(4..6)) && set.contains(&(7..7)));
}

#[test]
fn the_first_pages_are_kept() {
    let mut set = PageRanges::new();
    set.add(5..10);
    set.add(20..100);
    let first = |count| {
        let mut set = set.clone();
        set.truncate(count);
        ranges(&set)
    };
    assert_eq!(first(0), []);
    assert_eq!(first(5).first(), Some(&(5..10)));
    assert_eq!(first(6), [5..10, 20..21]);
    assert_eq!(first(7), [5..10, 20..22]);
    assert_eq!(first(u64::MAX), [5..10, 20..100]);
}

#[test]
fn the_longest_run_is_cut_at_the_limit() {
    let mut set = PageRanges::new();
    set.add(0..10);
    set.add(20..100);
    assert_eq!(set.longest_below(200), Some(20..100));
    assert_eq!(set.longest_below(25), Some(0..10));
    assert_eq!(PageRanges::new().longest_below(25), None);
}

#[test]
fn what_does_not_fit_is_left_out() {
    let mut set = PageRanges::new();
    for n in 0..2 * MAX as u64 {
        set.add(n * 2..n * 2 + 1);
    }
    assert_eq!(set.pages(), MAX as u64);
}

proptest! {
    #[test]
    fn is_a_set_of_pages(steps in prop::collection::vec((any::<bool>(), 0u64..60, 0u64..20), 0..20)) {
        let (mut set, mut model) = (PageRanges::new(), BTreeSet::new());
        for (add, start, len) in steps {
            let range = start..start + len;
            if add {
                set.add(range.clone());
                model.extend(range);
            } else {
                set.remove(range.clone());
                model.retain(|page| !range.contains(page));
            }
            let pages: Vec<u64> = set.iter().flatten().collect();
            prop_assert_eq!(&pages, &model.iter().copied().collect::<Vec<_>>());
            for (a, b) in set.iter().zip(set.iter().skip(1)) {
                prop_assert!(a.end < b.start);
            }
        }
    }

    #[test]
    fn any_ranges_are_survived(steps in prop::collection::vec((any::<bool>(), any::<u64>(), any::<u64>()), 0..80)) {
        let mut set = PageRanges::new();
        for (add, start, end) in steps {
            if add { set.add(start..end) } else { set.remove(start..end) }
            for (a, b) in set.iter().zip(set.iter().skip(1)) {
                prop_assert!(!a.is_empty() && !b.is_empty() && a.end < b.start);
            }
        }
    }
}
