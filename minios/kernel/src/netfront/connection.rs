// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection to a backend: rings, event channel, and what the backend does for us.

use super::buffers::Buffers;
use super::receive::Receiver;
use super::transmit::Transmitter;
use crate::event_channel::EventChannel;
use crate::net::link::{Capabilities, LinkCounters, NetworkLayer, Packet};
use alloc::vec::Vec;
use core::cell::Cell;
use core::task::{Context, Waker};

pub(super) struct Connection {
    pub(super) channel: EventChannel,
    pub(super) transmitter: Transmitter,
    pub(super) receiver: Receiver,
    pub(super) capabilities: Capabilities,
    /// The backend completes the checksums of IPv6 packets too.
    pub(super) ipv6_checksum: bool,
}

impl Connection {
    pub(super) fn receive(
        &mut self,
        buffers: &mut Buffers,
        counters: &Cell<LinkCounters>,
    ) -> Option<Packet> {
        self.receiver.receive(buffers, counters)
    }

    /// Whether the largest packet finds room.
    pub(super) fn has_room(&mut self, counters: &Cell<LinkCounters>) -> bool {
        self.transmitter.has_room(counters)
    }

    /// Puts a packet into the ring, and gives its buffer back.
    pub(super) fn transmit(
        &mut self,
        mut packet: Packet,
        counters: &Cell<LinkCounters>,
    ) -> Vec<u8> {
        if !self.completes_checksum(&packet) {
            packet.finish_checksum();
        }
        self.transmitter.transmit(&packet, counters);
        packet.into_bytes()
    }

    fn completes_checksum(&self, packet: &Packet) -> bool {
        let is_ipv6 =
            || packet.headers().is_some_and(|headers| headers.network == NetworkLayer::Ipv6);
        self.capabilities.transmit_checksum && (self.ipv6_checksum || !is_ipv6())
    }

    /// Shows the backend what is new in both rings, with one event.
    pub(super) fn flush(&mut self) {
        let transmitted = self.transmitter.publish();
        let posted = self.receiver.publish();
        if transmitted || posted {
            self.channel.notify();
        }
    }

    /// Wakes `waker` when there is a packet, or room that was missing.
    pub(super) fn register(&mut self, waker: &Waker) {
        let mut context = Context::from_waker(waker);
        let event = self.channel.poll_wait(&mut context).is_ready();
        let received = self.receiver.rearm();
        if event || received || self.transmitter.rearm() {
            waker.wake_by_ref();
        }
    }
}
