// SPDX-License-Identifier: MIT OR Apache-2.0
//! A port of the switch: a queue with a bound, and what its other end can do with a packet.

use alloc::collections::VecDeque;
use core::task::Waker;

use minios_core::link::Capabilities;
use minios_core::mac_address::MacAddress;
use minios_core::packet::{Checksum, GsoKind, Packet};

use super::acknowledgement;
use crate::network::segmentation;

/// Who is behind a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortKind {
    /// One station, with this address.
    Station(MacAddress),
    /// A network of stations.
    Uplink,
}

/// The bounds of a port's queue.
#[derive(Clone, Copy, Debug)]
pub struct QueueLimits {
    /// Packets.
    pub packets: usize,
    /// Their bytes.
    pub bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { packets: 512, bytes: 1 << 20 }
    }
}

/// What passed a port, in packets where nothing else is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Came in from the port's other end.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Went out to the port's other end.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Dropped on their way in: too short, too long, from a group address, or not the segments
    /// they are said to be.
    pub malformed: u64,
    /// Dropped on their way in: not from an address that may be there.
    pub spoofed: u64,
    /// Acknowledgements dropped on their way out for a later one.
    pub merged: u64,
    /// Dropped on their way out: the queue was full.
    pub overflowed: u64,
    /// Dropped on their way out: the checksum or the segments could not be made.
    pub unsendable: u64,
}

pub(super) struct Port {
    pub(super) kind: PortKind,
    pub(super) counters: Counters,
    capabilities: Capabilities,
    limits: QueueLimits,
    queue: VecDeque<Packet>,
    queued_bytes: usize,
    /// The last packet in the queue stands for another one too.
    last_is_merged: bool,
    waker: Option<Waker>,
}

impl Port {
    pub(super) fn new(kind: PortKind, capabilities: Capabilities, limits: QueueLimits) -> Self {
        Self {
            kind,
            counters: Counters::default(),
            capabilities,
            limits,
            queue: VecDeque::new(),
            queued_bytes: 0,
            last_is_merged: false,
            waker: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn is_congested(&self) -> bool {
        self.kind == PortKind::Uplink
            && (self.queue.len() > self.limits.packets / 2
                || self.queued_bytes > self.limits.bytes / 2)
    }

    /// Queues a packet in the form that the other end can take.
    pub(super) fn enqueue(&mut self, mut packet: Packet) {
        if packet.gso.is_some() && !self.takes_whole(&packet) {
            let Some(segments) = segmentation::segments(&packet) else {
                self.counters.unsendable += 1;
                return;
            };
            for segment in segments {
                self.push(segment.to_packet());
            }
            return;
        }
        // Who cuts a packet makes the segments' checksums too.
        let partial = packet.gso.is_none() && matches!(packet.checksum, Checksum::Partial { .. });
        if partial && !self.capabilities.transmit_checksum && !packet.finish_checksum() {
            self.counters.unsendable += 1;
            return;
        }
        self.push(packet);
    }

    fn takes_whole(&self, packet: &Packet) -> bool {
        let most = packet.gso.and_then(|gso| match gso.kind {
            GsoKind::TcpV4 => self.capabilities.segmentation_tcp_v4,
            GsoKind::TcpV6 => self.capabilities.segmentation_tcp_v6,
        });
        most.is_some_and(|most| packet.len() <= most)
    }

    fn push(&mut self, packet: Packet) {
        if let Some(last) = self.queue.back_mut()
            && !self.last_is_merged
            && acknowledgement::replaces(&packet, last)
        {
            self.queued_bytes = self.queued_bytes - last.len() + packet.len();
            *last = packet;
            self.last_is_merged = true;
            self.counters.merged += 1;
            return;
        }
        if self.queue.len() >= self.limits.packets
            || self.queued_bytes + packet.len() > self.limits.bytes
        {
            self.counters.overflowed += 1;
            return;
        }
        self.queued_bytes += packet.len();
        self.queue.push_back(packet);
        self.last_is_merged = false;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    pub(super) fn dequeue(&mut self, wanted: impl FnOnce(&Packet) -> bool) -> Option<Packet> {
        self.queue.front().filter(|packet| wanted(packet))?;
        let packet = self.queue.pop_front()?;
        self.queued_bytes -= packet.len();
        self.counters.sent += 1;
        self.counters.sent_bytes += packet.len() as u64;
        Some(packet)
    }

    pub(super) fn register(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(old) => old.clone_from(waker),
            None => self.waker = Some(waker.clone()),
        }
    }
}
