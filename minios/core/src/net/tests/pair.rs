// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two stacks on one wire, and a clock that runs when both are idle.

use crate::link::{Capabilities, Link};
use crate::mac_address::MacAddress;
use crate::net::{Config, Limits, Stack};
use crate::packet::Packet;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};

type Queue = Rc<RefCell<VecDeque<Packet>>>;

/// One end of the wire.
pub(super) struct End {
    mac: MacAddress,
    input: Queue,
    output: Queue,
    capabilities: Capabilities,
    /// Every n-th packet is lost; 0 for none.
    lose: Rc<Cell<usize>>,
    sent: usize,
    /// How many packets fit on the wire.
    room: Rc<Cell<usize>>,
    /// Packets that found no room.
    dropped: Rc<Cell<usize>>,
}

impl Link for End {
    fn mac(&self) -> MacAddress {
        self.mac
    }
    fn mtu(&self) -> usize {
        1500
    }
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }
    fn receive(&mut self) -> Option<Packet> {
        self.input.borrow_mut().pop_front()
    }
    fn can_transmit(&mut self) -> bool {
        self.output.borrow().len() < self.room.get()
    }
    fn transmit(&mut self, packet: Packet) {
        if !self.can_transmit() {
            self.dropped.set(self.dropped.get() + 1);
            return;
        }
        self.sent += 1;
        if self.lose.get() == 0 || !self.sent.is_multiple_of(self.lose.get()) {
            self.output.borrow_mut().push_back(packet);
        }
    }
    fn flush(&mut self) {}
    fn register(&mut self, _: &Waker) {}
}

/// Whether the future was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) struct Pair {
    pub(super) server: Stack,
    pub(super) client: Stack,
    pub(super) to_server: Queue,
    pub(super) to_client: Queue,
    pub(super) lose: Rc<Cell<usize>>,
    /// How many packets of the server fit on the wire.
    pub(super) room: Rc<Cell<usize>>,
    /// Packets of the server that found no room.
    pub(super) dropped: Rc<Cell<usize>>,
    pub(super) now_us: Cell<u64>,
}

pub(super) fn limits() -> Limits {
    Limits { connections: 8, large_connections: 4, half_open: 4, ..Limits::for_memory(64 << 20) }
}

impl Pair {
    pub(super) fn new(limits: Limits, capabilities: Capabilities) -> Self {
        let (to_server, to_client) = (Queue::default(), Queue::default());
        let lose = Rc::new(Cell::new(0));
        let (room, dropped) = (Rc::new(Cell::new(usize::MAX)), Rc::new(Cell::new(0)));
        let stack = |number: u8, input: &Queue, output: &Queue, room, limits| {
            let end = End {
                mac: MacAddress([2, 0, 0, 0, 0, number]),
                input: input.clone(),
                output: output.clone(),
                capabilities,
                lose: lose.clone(),
                sent: 0,
                room,
                dropped: dropped.clone(),
            };
            let config = Config::parse(&format!("ip=10.0.0.{number}/24 dns=10.0.0.1")).unwrap();
            Stack::new(Box::new(end), &config, limits, u64::from(number) << 20, 0)
        };
        let server = stack(1, &to_server, &to_client, room.clone(), limits);
        let endless = Rc::new(Cell::new(usize::MAX));
        let client = stack(2, &to_client, &to_server, endless, Limits::for_memory(64 << 20));
        let now_us = Cell::new(0);
        Self { server, client, to_server, to_client, lose, room, dropped, now_us }
    }

    pub(super) fn plain() -> Self {
        Self::new(limits(), Capabilities::default())
    }

    /// Runs both stacks until neither has anything to do; returns when one next has.
    pub(super) fn settle(&self) -> Option<u64> {
        loop {
            let now = self.now_us.get();
            let server = self.server.poll(now);
            let client = self.client.poll(now);
            let quiet = self.to_server.borrow().is_empty() && self.to_client.borrow().is_empty();
            let next = server.into_iter().chain(client).min();
            if quiet && next.is_none_or(|next| next > now) {
                return next;
            }
        }
    }

    /// Runs both stacks for `us` microseconds.
    pub(super) fn pass(&self, us: u64) {
        let end = self.now_us.get() + us;
        while self.now_us.get() < end {
            let next = self.settle().unwrap_or(end).min(end);
            self.now_us.set(next);
        }
        self.settle();
    }

    /// Runs `future` with both stacks; `None` if it is not done after `us` microseconds.
    pub(super) fn run_for<T>(&self, us: u64, future: impl Future<Output = T>) -> Option<T> {
        let end = self.now_us.get() + us;
        let mut future = pin!(future);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                self.settle();
                return Some(value);
            }
            let next = self.settle();
            if !woken.0.swap(false, Ordering::Relaxed) {
                self.now_us.set(next.unwrap_or(end).min(end));
                if self.now_us.get() >= end {
                    return None;
                }
            }
        }
    }

    pub(super) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.run_for(120_000_000, future).expect("nothing moves any more")
    }
}

/// Polls all of `futures` until each is done.
pub(super) async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(|it| (Box::pin(it), None)).collect();
    core::future::poll_fn(|context| {
        for (future, output) in &mut futures {
            if output.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        match futures.iter().all(|(_, output)| output.is_some()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    futures.into_iter().filter_map(|(_, output)| output).collect()
}
