// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network frontend (`public/io/netif.h`): one queue, one event channel, packets copied by
//! the backend, in chains of pages up to 64 KiB both ways. Pages are granted once and stay so:
//! a packet costs a copy, no grant. What a lying backend says is counted and dropped.
//!
//! An interface outlives its backend: when that goes away, packets wait until there is one again,
//! and connections go on.

mod buffers;
mod connect;
mod connection;
mod counters;
mod device;
mod granted_pages;
mod receive;
mod supervise;
mod transmit;

pub use device::Error;

use crate::net::link::{Capabilities, Link, LinkCounters, MacAddress, Packet};
use alloc::rc::Rc;
use alloc::vec::Vec;
use buffers::Buffers;
use connection::Connection;
use core::cell::{Cell, RefCell};
use core::task::Waker;

/// A network interface.
pub struct Netfront {
    mac: MacAddress,
    mtu: usize,
    /// What the first backend did for us; where a later one does less, we do it.
    capabilities: Capabilities,
    shared: Rc<Shared>,
}

/// What the interface shares with the task that keeps it connected.
#[derive(Default)]
struct Shared {
    /// `None` while there is no backend.
    connection: RefCell<Option<Connection>>,
    /// Buffers of packets received and of packets sent. They are kept apart: where data comes in,
    /// acknowledgements go out, and a buffer is zeroed only beyond the packet that it held last.
    received: RefCell<Buffers>,
    sent: RefCell<Buffers>,
    counters: Cell<LinkCounters>,
    /// The stack, which waits for packets.
    waker: RefCell<Option<Waker>>,
}

impl Netfront {
    /// Connects interface `index` (0 is the first `vif` of the configuration) and waits for its
    /// backend.
    ///
    /// # Errors
    /// If there is no such interface, the backend cannot copy, or memory is short.
    pub async fn connect(index: u32) -> Result<Self, Error> {
        supervise::start(index).await
    }
}

impl Shared {
    /// Gives the stack another connection, or none.
    fn replace(&self, connection: Option<Connection>) -> Option<Connection> {
        let old = self.connection.replace(connection);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        old
    }
}

impl Link for Netfront {
    fn mac(&self) -> MacAddress {
        self.mac
    }

    fn mtu(&self) -> usize {
        self.mtu
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn receive(&mut self) -> Option<Packet> {
        let Shared { connection, received, counters, .. } = &*self.shared;
        connection.borrow_mut().as_mut()?.receive(&mut received.borrow_mut(), counters)
    }

    fn can_transmit(&mut self) -> bool {
        let Shared { connection, counters, .. } = &*self.shared;
        connection.borrow_mut().as_mut().is_some_and(|connection| connection.has_room(counters))
    }

    fn transmit(&mut self, packet: Packet) {
        let Shared { connection, sent, counters, .. } = &*self.shared;
        let bytes = match connection.borrow_mut().as_mut() {
            Some(connection) => connection.transmit(packet, counters),
            None => {
                counters::count(counters, |it| it.transmit_drops += 1);
                packet.into_bytes()
            }
        };
        sent.borrow_mut().give(bytes);
    }

    fn flush(&mut self) {
        if let Some(connection) = self.shared.connection.borrow_mut().as_mut() {
            connection.flush();
        }
    }

    fn buffer(&mut self, capacity: usize) -> Vec<u8> {
        self.shared.sent.borrow_mut().take(capacity)
    }

    fn recycle(&mut self, buffer: Vec<u8>) {
        self.shared.received.borrow_mut().give(buffer);
    }

    fn counters(&self) -> LinkCounters {
        self.shared.counters.get()
    }

    fn register(&mut self, waker: &Waker) {
        let mut known = self.shared.waker.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
        if let Some(connection) = self.shared.connection.borrow_mut().as_mut() {
            connection.register(waker);
        }
    }
}
