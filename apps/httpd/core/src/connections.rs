// SPDX-License-Identifier: MIT OR Apache-2.0
//! All open connections: how long each may still take, and who goes first when room is short.
//! One sweep looks after all of them, so that a request sets no timer of its own.

#[cfg(test)]
mod tests;

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Poll, Waker};

/// What a connection waits for, and so how long it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The first byte of its first request.
    Fresh,
    /// The rest of a request's head.
    Head,
    /// A request's body; enough of it starts the time anew.
    Body,
    /// Room to write the answer; each piece written starts the time anew.
    Answer,
    /// The rest of a body whose request was answered already.
    Rest,
    /// The next request.
    Idle,
}

impl Phase {
    /// How long it may take, in milliseconds.
    pub fn limit_ms(self) -> u64 {
        match self {
            Self::Head => 10_000,
            Self::Body | Self::Answer | Self::Rest => 30_000,
            Self::Fresh | Self::Idle => 60_000,
        }
    }
}

/// How long a connection is left alone even if others want its room, in milliseconds: a client
/// that means well has sent its request by then.
const GRACE_MS: u64 = 1000;
/// How long an answer may make no progress if others want the room, in milliseconds.
const STALLED_MS: u64 = 5000;

/// The connection was ended: its phase took too long, or others need the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;

/// One connection's part in the list.
pub struct Connection {
    phase: Cell<Phase>,
    since_ms: Cell<u64>,
    ended: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    clock: fn() -> u64,
}

impl Connection {
    /// Enters a phase now; the same phase again starts it anew.
    pub fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since_ms.set((self.clock)());
    }

    /// What the connection waits for.
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Runs `future` until it is done or the connection is ended.
    pub async fn run<T>(&self, future: impl Future<Output = T>) -> Result<T, Ended> {
        let mut future = pin!(future);
        poll_fn(|context| {
            if self.ended.get() {
                return Poll::Ready(Err(Ended));
            }
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(value));
            }
            let mut waker = self.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                *waker = Some(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// Gives a connection that was ended time for a last answer.
    pub fn last_words(&self) {
        self.ended.set(false);
        self.enter(Phase::Answer);
    }

    fn end(&self) {
        self.ended.set(true);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    fn deadline_ms(&self) -> u64 {
        self.since_ms.get() + self.phase.get().limit_ms()
    }
}

/// The list.
pub struct Connections {
    list: RefCell<Vec<Rc<Connection>>>,
    /// Who waits for room.
    waiting: RefCell<Option<Waker>>,
    clock: fn() -> u64,
}

impl Connections {
    /// An empty list; `clock` tells milliseconds since any fixed point.
    pub fn new(clock: fn() -> u64) -> Self {
        Self { list: RefCell::default(), waiting: RefCell::default(), clock }
    }

    /// Adds a connection, in the phase [`Phase::Fresh`].
    pub fn add(&self) -> Rc<Connection> {
        let connection = Rc::new(Connection {
            phase: Cell::new(Phase::Fresh),
            since_ms: Cell::new((self.clock)()),
            ended: Cell::new(false),
            waker: RefCell::new(None),
            clock: self.clock,
        });
        self.list.borrow_mut().push(connection.clone());
        connection
    }

    /// Takes a connection out.
    pub fn remove(&self, connection: &Rc<Connection>) {
        self.list.borrow_mut().retain(|it| !Rc::ptr_eq(it, connection));
        self.wake_waiting();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether somebody waits for room: connections better close than idle.
    pub fn is_crowded(&self) -> bool {
        self.waiting.borrow().is_some()
    }

    /// Waits until there are fewer than `most`, and ends the one that has waited for its client
    /// longest if that helps. Returns how many were ended. For one task.
    pub async fn room(&self, most: usize) -> u64 {
        let mut shed = 0;
        poll_fn(|context| {
            *self.waiting.borrow_mut() = None;
            if self.len() < most {
                return Poll::Ready(shed);
            }
            if self.running() >= most && self.shed() {
                shed += 1;
            }
            *self.waiting.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Ends those that are late. To be called every now and then.
    pub fn sweep(&self) {
        let now = (self.clock)();
        let list = self.list.borrow();
        let running = list.iter().filter(|it| !it.ended.get());
        running.filter(|it| it.deadline_ms() <= now).for_each(|it| it.end());
        self.wake_waiting();
    }

    fn running(&self) -> usize {
        self.list.borrow().iter().filter(|it| !it.ended.get()).count()
    }

    /// Ends the connection that has waited for its client longest: of the idle ones if there are
    /// any, else of those whose request has not come yet, else of those whose client takes nothing
    /// of the answer. False if there is none to end.
    fn shed(&self) -> bool {
        let now = (self.clock)();
        let rank_and_grace = |it: &Connection| match it.phase.get() {
            Phase::Idle | Phase::Rest => (0, GRACE_MS),
            Phase::Fresh | Phase::Head | Phase::Body => (1, GRACE_MS),
            Phase::Answer => (2, STALLED_MS),
        };
        let list = self.list.borrow();
        let running = list.iter().filter(|it| !it.ended.get());
        let ranked = running.filter_map(|it| {
            let (rank, grace_ms) = rank_and_grace(it);
            let since_ms = it.since_ms.get();
            (since_ms + grace_ms <= now).then_some((rank, since_ms, it))
        });
        let oldest = ranked.min_by_key(|&(rank, since_ms, _)| (rank, since_ms));
        oldest.inspect(|(_, _, it)| it.end()).is_some()
    }

    fn wake_waiting(&self) {
        if let Some(waker) = self.waiting.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}
