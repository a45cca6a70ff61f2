// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the grant references.
use super::GrantRefs;
use std::collections::BTreeSet;

#[test]
fn every_reference_once_and_none_reserved() {
    let mut refs = GrantRefs::new();
    assert!(refs.take().is_none());
    refs.grow();
    let first = refs.take().unwrap();
    assert_eq!(first.get(), 8);
    refs.give(first);
    refs.grow();
    let all: BTreeSet<u32> = core::iter::from_fn(|| refs.take()).map(|r| r.get()).collect();
    assert_eq!((all.len(), all.first(), all.last()), (1024 - 8, Some(&8), Some(&1023)));
}
