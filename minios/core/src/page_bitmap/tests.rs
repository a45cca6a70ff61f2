// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the page bitmap.
use super::{PageBitmap, words_for};
use alloc::vec::Vec;
use proptest::prelude::*;

#[test]
fn takes_from_the_top_and_returns() {
    let mut words = [0; 3];
    let mut map = PageBitmap::new(&mut words, 130);
    assert_eq!(map.take_any(1), None);
    map.give(10, 120);
    assert_eq!(map.free(), 120);
    assert_eq!(map.take_any(1), Some(129));
    assert_eq!(map.take_any(4), Some(125));
    map.give(129, 1);
    assert_eq!(map.take_any(1), Some(129));
}

#[test]
fn takes_exact_pages_once() {
    let mut words = [0; 1];
    let mut map = PageBitmap::new(&mut words, 64);
    map.give(0, 64);
    assert!(map.take(3, 5));
    assert!(!map.take(7, 1));
    assert!(!map.take(60, 10));
    assert_eq!(map.free(), 59);
}

#[test]
fn giving_twice_counts_once() {
    let mut words = [0; 1];
    let mut map = PageBitmap::new(&mut words, 64);
    map.give(0, 8);
    map.give(4, 8);
    assert_eq!(map.free(), 12);
}

proptest! {
    #[test]
    fn never_hands_out_a_page_twice(sizes in proptest::collection::vec(1usize..9, 1..60)) {
        let mut words = [0u64; words_for(200)];
        let mut map = PageBitmap::new(&mut words, 200);
        map.give(1, 199);
        let mut taken: Vec<(usize, usize)> = Vec::new();
        for (n, size) in sizes.into_iter().enumerate() {
            if n % 3 == 2 && !taken.is_empty() {
                let (first, count) = taken.swap_remove(n % taken.len());
                map.give(first, count);
            }
            if let Some(first) = map.take_any(size) {
                prop_assert!(first >= 1 && first + size <= 200);
                prop_assert!(taken.iter().all(|&(f, c)| first + size <= f || f + c <= first));
                taken.push((first, size));
            }
            let used: usize = taken.iter().map(|&(_, c)| c).sum();
            prop_assert_eq!(map.free(), 199 - used);
        }
    }
}
