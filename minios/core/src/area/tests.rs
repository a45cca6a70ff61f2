// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the address area.
use super::Area;
use alloc::collections::BTreeMap;

#[test]
fn gaps_join_again() {
    let mut area = Area::new(100, 10);
    let a = area.take(3).unwrap();
    let b = area.take(4).unwrap();
    let c = area.take(3).unwrap();
    assert_eq!((a, b, c), (100, 103, 107));
    assert_eq!(area.take(1), None);
    area.give(a, 3);
    area.give(c, 3);
    assert_eq!(area.gaps.len(), 2);
    area.give(b, 4);
    assert_eq!(area.gaps, BTreeMap::from([(100, 10)]));
}

#[test]
fn first_fit_skips_small_gaps() {
    let mut area = Area::new(0, 8);
    let one = area.take(1).unwrap();
    area.take(1).unwrap();
    area.give(one, 1);
    assert_eq!(area.take(2), Some(2));
    assert_eq!(area.take(1), Some(0));
}
