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
    /// The rest of a request's body, which is thrown away.
    Body,
    /// Room to write the answer; each piece written starts the time anew.
    Answer,
    /// The next request.
    Idle,
}

impl Phase {
    /// How long it may take, in milliseconds.
    pub fn limit_ms(self) -> u64 {
        match self {
            Self::Head => 10_000,
            Self::Body | Self::Answer => 30_000,
            Self::Fresh | Self::Idle => 60_000,
        }
    }
}

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its phase took too long.
    Late,
    /// Others need the room.
    Shed,
}

/// One connection's part in the list.
pub struct Connection {
    phase: Cell<Phase>,
    since_ms: Cell<u64>,
    end: Cell<Option<End>>,
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
    pub async fn run<T>(&self, future: impl Future<Output = T>) -> Result<T, End> {
        let mut future = pin!(future);
        poll_fn(|context| {
            if let Some(end) = self.end.get() {
                return Poll::Ready(Err(end));
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

    /// Takes the reason back: the connection gets time for a last answer.
    pub fn last_words(&self) {
        self.end.set(None);
        self.enter(Phase::Answer);
    }

    fn end(&self, end: End) {
        self.end.set(Some(end));
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
    clock: fn() -> u64,
}

impl Connections {
    /// An empty list; `clock` tells milliseconds since any fixed point.
    pub fn new(clock: fn() -> u64) -> Self {
        Self { list: RefCell::new(Vec::new()), clock }
    }

    /// Adds a connection, in the phase [`Phase::Fresh`].
    pub fn add(&self) -> Rc<Connection> {
        let connection = Rc::new(Connection {
            phase: Cell::new(Phase::Fresh),
            since_ms: Cell::new((self.clock)()),
            end: Cell::new(None),
            waker: RefCell::new(None),
            clock: self.clock,
        });
        self.list.borrow_mut().push(connection.clone());
        connection
    }

    /// Takes a connection out.
    pub fn remove(&self, connection: &Rc<Connection>) {
        self.list.borrow_mut().retain(|it| !Rc::ptr_eq(it, connection));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends those that are late. Returns when the next one may be, in milliseconds.
    pub fn sweep(&self) -> Option<u64> {
        let now = (self.clock)();
        let list = self.list.borrow();
        let running = list.iter().filter(|it| it.end.get().is_none());
        let (late, _): (Vec<_>, Vec<_>) = running.partition(|it| it.deadline_ms() <= now);
        late.iter().for_each(|it| it.end(End::Late));
        let running = list.iter().filter(|it| it.end.get().is_none());
        running.map(|it| it.deadline_ms()).min()
    }

    /// Ends the connection that has waited for its client longest, to make room: of the idle ones
    /// if there are any, else of those that have not sent a whole head. False if there is none.
    pub fn shed(&self) -> bool {
        let list = self.list.borrow();
        let rank = |it: &Connection| match it.phase.get() {
            Phase::Idle => Some(0),
            Phase::Fresh | Phase::Head | Phase::Body => Some(1),
            Phase::Answer => None,
        };
        let waiting = list.iter().filter(|it| it.end.get().is_none());
        let waiting = waiting.filter_map(|it| Some((rank(it)?, it.since_ms.get(), it)));
        let oldest = waiting.min_by_key(|&(rank, since_ms, _)| (rank, since_ms));
        oldest.inspect(|(_, _, it)| it.end(End::Shed)).is_some()
    }
}
