// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Connections, End, Phase};
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

fn ended(connection: &super::Connection) -> Option<End> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(connection.run(pending::<()>())).poll(&mut context) {
        Poll::Ready(result) => result.err(),
        Poll::Pending => None,
    }
}

#[test]
fn late_ones_end() {
    let list = list();
    let (head, idle) = (list.add(), list.add());
    head.enter(Phase::Head);
    idle.enter(Phase::Idle);
    assert_eq!(list.sweep(), Some(10_000));
    NOW_MS.set(10_000);
    assert_eq!(list.sweep(), Some(60_000));
    assert_eq!((ended(&head), ended(&idle)), (Some(End::Late), None));
    let mut context = Context::from_waker(Waker::noop());
    let done = pin!(idle.run(ready(5))).poll(&mut context);
    assert_eq!(done, Poll::Ready(Ok(5)));
}

#[test]
fn the_longest_waiting_is_shed_and_idle_ones_first() {
    let list = list();
    let (head, idle, answer) = (list.add(), list.add(), list.add());
    head.enter(Phase::Head);
    answer.enter(Phase::Answer);
    NOW_MS.set(5);
    idle.enter(Phase::Idle);
    assert!(list.shed());
    assert_eq!((ended(&idle), ended(&head)), (Some(End::Shed), None));
    assert!(list.shed());
    assert_eq!(ended(&head), Some(End::Shed));
    assert!(!list.shed(), "an answer is not cut off");
    list.remove(&head);
    assert_eq!(list.len(), 2);
}
