// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the port table.
use super::{PortTable, collect};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Poll, Waker};

fn words(of: &[(usize, u64)]) -> [AtomicU64; 64] {
    let words = [const { AtomicU64::new(0) }; 64];
    for &(word, bits) in of {
        words[word].store(bits, Ordering::Relaxed);
    }
    words
}

#[test]
fn collects_selected_unmasked_ports_once() {
    let selector = AtomicU64::new(1 << 0 | 1 << 63 | 1 << 5);
    let pending = words(&[(0, 0b1010), (63, 1 << 63), (7, 1)]);
    let mask = words(&[(0, 0b0010)]);
    let mut fired = Vec::new();
    collect(&selector, &pending, &mask, |port| fired.push(port));
    assert_eq!(fired, [3, 4095]);
    assert_eq!(pending[0].load(Ordering::Relaxed), 0b0010, "a masked port stays pending");
    assert_eq!(pending[7].load(Ordering::Relaxed), 1, "a word that is not selected is left");
    collect(&selector, &pending, &mask, |_| panic!("nothing is left"));
}

#[test]
fn remembers_an_event_until_the_wait() {
    let mut table = PortTable::new();
    assert!(table.fire(9).is_none());
    assert_eq!(table.poll(9, Waker::noop()), Poll::Ready(()));
    assert_eq!(table.poll(9, Waker::noop()), Poll::Pending);
    assert!(table.fire(9).is_some(), "the second poll left its waker");
    assert!(table.take_pending(9));
    assert!(!table.take_pending(9));
}

#[test]
fn a_reopened_port_has_no_past() {
    let mut table = PortTable::new();
    assert!(table.fire(4).is_none());
    table.open(4);
    assert_eq!(table.poll(4, Waker::noop()), Poll::Pending);
}

#[test]
fn who_waits_for_a_port_that_is_gone_is_woken() {
    let mut table = PortTable::new();
    assert!(table.poll(5, Waker::noop()).is_pending());
    assert!(table.fire(6).is_none());
    assert_eq!(table.clear().len(), 1);
    assert!(table.poll(6, Waker::noop()).is_pending(), "its event is forgotten");
    assert!(table.clear().len() == 1 && table.clear().is_empty());
}
