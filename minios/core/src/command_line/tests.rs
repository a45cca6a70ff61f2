// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the command line.
use super::{value, words};
use alloc::vec::Vec;

#[test]
fn splits_words_and_quotes() {
    let all: Vec<_> = words("  a b=1  name=\"two words\" c=  ").collect();
    assert_eq!(all, [("a", None), ("b", Some("1")), ("name", Some("two words")), ("c", Some(""))]);
    assert_eq!(words("   ").count(), 0);
}

#[test]
fn the_last_value_wins() {
    assert_eq!(value("x=1 y=2 x=3", "x"), Some("3"));
}
