// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the timer queue.
use super::TimerQueue;
use alloc::sync::Arc;
use alloc::task::Wake;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Waker;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn wakes_in_order_of_time() {
    let (a, b) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let mut queue = TimerQueue::new();
    queue.insert(20, &Waker::from(a.clone()));
    queue.insert(10, &Waker::from(b.clone()));
    assert_eq!(queue.next(), Some(10));
    assert!(queue.pop(9).is_none());
    queue.pop(15).unwrap().wake();
    assert_eq!((a.0.load(Ordering::Relaxed), b.0.load(Ordering::Relaxed)), (0, 1));
    assert!(queue.pop(19).is_none());
    queue.pop(20).unwrap().wake();
    assert_eq!(a.0.load(Ordering::Relaxed), 1);
    assert_eq!(queue.next(), None);
}

#[test]
fn one_entry_a_waker_with_its_earliest_time() {
    let waker = Waker::from(Arc::new(Count::default()));
    let mut queue = TimerQueue::new();
    for at in [50, 30, 40] {
        queue.insert(at, &waker);
    }
    assert_eq!(queue.next(), Some(30));
    assert!(queue.pop(100).is_some());
    assert!(queue.pop(100).is_none());
}
