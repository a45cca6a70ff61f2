// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network frontend (`public/io/netif.h`): one queue, one event channel, packets copied by
//! the backend, in chains of pages up to 64 KiB both ways. Pages are granted once and stay so:
//! a packet costs a copy, no grant. What a lying backend says is counted and dropped.

mod buffers;
mod connect;
mod counters;
mod granted_pages;
mod receive;
mod transmit;

pub use connect::Error;

use crate::event_channel::EventChannel;
use crate::net::link::{Capabilities, Link, LinkCounters, MacAddress, NetworkLayer, Packet};
use alloc::vec::Vec;
use buffers::Buffers;
use core::cell::Cell;
use core::task::{Context, Waker};
use receive::Receiver;
use transmit::Transmitter;

/// A connected network interface.
pub struct Netfront {
    mac: MacAddress,
    mtu: usize,
    capabilities: Capabilities,
    channel: EventChannel,
    transmitter: Transmitter,
    receiver: Receiver,
    buffers: Buffers,
    /// The backend completes the checksums of IPv6 packets too.
    ipv6_checksum: bool,
    counters: Cell<LinkCounters>,
}

impl Netfront {
    /// Connects interface `index` (0 is the first `vif` of the configuration) and waits for its
    /// backend.
    ///
    /// # Errors
    /// If there is no such interface, the backend cannot copy, or memory is short.
    pub async fn connect(index: u32) -> Result<Self, Error> {
        connect::connect(index).await
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
        self.receiver.receive(&mut self.buffers, &self.counters)
    }

    fn can_transmit(&mut self) -> bool {
        self.transmitter.has_room(&self.counters)
    }

    fn transmit(&mut self, mut packet: Packet) {
        let ipv6 = |packet: &Packet| {
            packet.headers().is_some_and(|headers| headers.network == NetworkLayer::Ipv6)
        };
        if !self.ipv6_checksum && ipv6(&packet) {
            packet.finish_checksum();
        }
        self.transmitter.transmit(&packet, &self.counters);
        self.buffers.give(packet.into_bytes());
    }

    fn flush(&mut self) {
        let transmitted = self.transmitter.publish();
        let posted = self.receiver.publish();
        if transmitted || posted {
            self.channel.notify();
        }
    }

    fn buffer(&mut self, capacity: usize) -> Vec<u8> {
        self.buffers.take(capacity)
    }

    fn recycle(&mut self, buffer: Vec<u8>) {
        self.buffers.give(buffer);
    }

    fn counters(&self) -> LinkCounters {
        self.counters.get()
    }

    fn register(&mut self, waker: &Waker) {
        let mut context = Context::from_waker(waker);
        let event = self.channel.poll_wait(&mut context).is_ready();
        let received = self.receiver.rearm();
        if event || received || self.transmitter.rearm() {
            waker.wake_by_ref();
        }
    }
}
