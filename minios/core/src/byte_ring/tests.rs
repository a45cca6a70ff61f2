// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the byte rings.
use super::{ByteRing, CONSOLE_IN, Corrupt};
use crate::ring::{FakePage, RingMemory};
use proptest::prelude::*;

/// A ring of 16 bytes whose indices are at `at`.
fn ring(at: u32) -> (ByteRing, FakePage) {
    let (ring, page) = (ByteRing { data: 64, size: 16, cons: 0, prod: 4 }, FakePage::default());
    page.store_u32(ring.cons, at);
    page.store_u32(ring.prod, at);
    (ring, page)
}

#[test]
fn fills_up_and_empties() {
    for at in [0, 7, u32::MAX - 4] {
        let (ring, page) = ring(at);
        assert_eq!(ring.put(&page, b"0123456789abcdefgh"), Ok(16));
        assert_eq!((ring.put(&page, b"x"), ring.filled(&page)), (Ok(0), Ok(16)));
        let mut bytes = [0; 10];
        assert_eq!((ring.take(&page, &mut bytes), &bytes), (Ok(10), b"0123456789"));
        assert_eq!((ring.take(&page, &mut bytes), &bytes[..6]), (Ok(6), &b"abcdef"[..]));
        assert_eq!((ring.take(&page, &mut bytes), ring.filled(&page)), (Ok(0), Ok(0)));
    }
}

#[test]
fn what_waits_can_be_dropped() {
    let (ring, page) = ring(3);
    ring.put(&page, b"old").unwrap();
    ring.clear(&page);
    assert_eq!(ring.filled(&page), Ok(0));
}

#[test]
fn a_lying_peer_is_found() {
    for (prod, cons) in [(18, 1), (1, 2)] {
        let (ring, page) = ring(0);
        page.store_u32(ring.prod, prod);
        page.store_u32(ring.cons, cons);
        assert_eq!(ring.take(&page, &mut [0; 4]), Err(Corrupt));
        assert_eq!(ring.put(&page, b"x"), Err(Corrupt));
        assert_eq!(ring.filled(&page), Err(Corrupt));
    }
}

proptest! {
    #[test]
    fn any_indices_are_survived(prod: u32, cons: u32, bytes: Vec<u8>) {
        let page = FakePage::default();
        page.store_u32(CONSOLE_IN.prod, prod);
        page.store_u32(CONSOLE_IN.cons, cons);
        let _ = CONSOLE_IN.put(&page, &bytes);
        let _ = CONSOLE_IN.take(&page, &mut [0; 2000]);
        prop_assert!(CONSOLE_IN.filled(&page).is_err() || CONSOLE_IN.filled(&page).unwrap() <= 1024);
    }
}

extern crate std;
use std::vec::Vec;
