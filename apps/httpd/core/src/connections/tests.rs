// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Connections, Ended, GRACE_MS, Phase, STALLED_MS};
use core::cell::Cell;
use core::future::{pending, ready};
use core::pin::pin;
use core::task::{Context, Poll, Waker};

extern crate std;
std::thread_local!(static NOW_MS: Cell<u64> = const { Cell::new(0) });

fn list() -> Connections {
    NOW_MS.set(0);
    Connections::new(|| NOW_MS.get())
}

fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn has_ended(connection: &super::Connection) -> bool {
    poll(connection.run(pending::<()>())) == Poll::Ready(Err(Ended))
}

#[test]
fn late_ones_end() {
    let list = list();
    let (head, idle) = (list.add(), list.add());
    head.enter(Phase::Head);
    idle.enter(Phase::Idle);
    NOW_MS.set(9999);
    list.sweep();
    assert!(!has_ended(&head));
    NOW_MS.set(10_000);
    list.sweep();
    assert!(has_ended(&head) && !has_ended(&idle));
    assert_eq!(poll(idle.run(ready(5))), Poll::Ready(Ok(5)));
}

#[test]
fn the_longest_waiting_gives_way_and_idle_ones_first() {
    let list = list();
    let (head, idle, answer) = (list.add(), list.add(), list.add());
    head.enter(Phase::Head);
    answer.enter(Phase::Answer);
    NOW_MS.set(5);
    idle.enter(Phase::Idle);
    NOW_MS.set(5 + GRACE_MS);
    let mut room = pin!(list.room(2));
    let mut poll_room = || room.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll_room().is_pending());
    assert!(has_ended(&idle) && !has_ended(&head), "one after the other");
    assert!(list.is_crowded());
    list.remove(&idle);
    assert!(poll_room().is_pending());
    assert!(has_ended(&head));
    list.remove(&head);
    assert_eq!(poll_room(), Poll::Ready(2));
    assert!(!list.is_crowded());
    assert!(poll(list.room(1)).is_pending() && !has_ended(&answer), "it may go on");
    NOW_MS.set(STALLED_MS);
    assert!(poll(list.room(1)).is_pending() && has_ended(&answer), "it does not go on");
}

#[test]
fn who_has_just_come_is_left_alone() {
    let list = list();
    let fresh = list.add();
    NOW_MS.set(GRACE_MS - 1);
    assert!(poll(list.room(1)).is_pending());
    assert!(!has_ended(&fresh));
}
