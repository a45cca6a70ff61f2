// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the timer queue.

use super::{QueueFull, TimerQueue, guest_deadline};
use proptest::prelude::*;
use std::vec::Vec;

#[test]
fn one_deadline_an_id() {
    let mut queue = TimerQueue::<u8, 2>::new();
    assert_eq!(queue.set(1, 50), Ok(()));
    assert_eq!(queue.set(2, 40), Ok(()));
    assert_eq!(queue.set(3, 10), Err(QueueFull));
    assert_eq!(queue.next_ns(), Some(40));
    assert_eq!(queue.set(1, 30), Ok(()));
    assert_eq!((queue.next_ns(), queue.deadline_ns(1)), (Some(30), Some(30)));
    assert_eq!(queue.pop_due(29), None);
    assert_eq!(queue.pop_due(35), Some(1));
    assert_eq!(queue.pop_due(35), None);
    assert!(queue.cancel(2) && !queue.cancel(2));
    assert_eq!(queue.next_ns(), None);
}

#[test]
fn strange_deadlines_fire_soon() {
    assert_eq!(guest_deadline(0, || 5), None);
    assert_eq!(guest_deadline(3, || 5), Some(3));
    assert_eq!(guest_deadline(u64::MAX, || 5), Some(100_000_005));
    assert_eq!(guest_deadline((1 << 50) + 6, || 5), Some(100_000_005));
    assert_eq!(guest_deadline((1 << 50) + 5, || 5), Some((1 << 50) + 5));
}

proptest! {
    #[test]
    fn deadlines_come_in_order(times in prop::collection::vec(0u64..1000, 0..20)) {
        let mut queue = TimerQueue::<usize, 32>::new();
        for (id, &time) in times.iter().enumerate() {
            queue.set(id, time).unwrap();
        }
        let mut due = Vec::new();
        while let Some(id) = queue.pop_due(1000) {
            due.push(times[id]);
        }
        let mut sorted = times.clone();
        sorted.sort_unstable();
        prop_assert_eq!(due, sorted);
    }
}
