// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the byte ring's indices.
use super::{Corrupt, filled, readable, writable};
use proptest::prelude::*;

#[test]
fn empty_and_full() {
    assert_eq!(readable(7, 7, 16), Ok(7..7));
    assert_eq!(writable(7, 7, 16), Ok(7..16));
    assert_eq!(readable(23, 7, 16), Ok(7..16));
    assert_eq!(writable(23, 7, 16), Ok(7..7));
}

#[test]
fn indices_wrap_at_32_bits() {
    assert_eq!(filled(3, u32::MAX - 4, 16), Ok(8));
    assert_eq!(readable(3, u32::MAX - 4, 16), Ok(11..16));
}

#[test]
fn a_lying_peer_is_found() {
    assert_eq!(readable(18, 1, 16), Err(Corrupt));
    assert_eq!(writable(1, 2, 16), Err(Corrupt));
}

proptest! {
    #[test]
    fn ranges_stay_inside(prod: u32, cons: u32, shift in 1u32..12) {
        let size = 1 << shift;
        for range in [readable(prod, cons, size), writable(prod, cons, size)].into_iter().flatten() {
            prop_assert!(range.start <= range.end && range.end <= size as usize);
        }
    }
}
