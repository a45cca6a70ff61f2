// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network interface as the stack sees it: netfront in a domU, a port of the switch in dom0.

use crate::mac_address::MacAddress;
use crate::packet::Packet;
use core::task::Waker;

/// What a link does for the packets that are given to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Takes packets with a partial checksum and sees to it.
    pub transmit_checksum: bool,
    /// The largest TCP/IPv4 packet (with its Ethernet header) it cuts into segments or passes on
    /// whole; `None` if it takes no packet larger than the MTU.
    pub segmentation_tcp_v4: Option<usize>,
    /// The same for TCP/IPv6.
    pub segmentation_tcp_v6: Option<usize>,
}

/// What an interface has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Packets received whole.
    pub received_packets: u64,
    /// Bytes of the packets received whole.
    pub received_bytes: u64,
    /// Received packets that the other side marked as failed.
    pub receive_errors: u64,
    /// Packets given to the other side.
    pub transmitted_packets: u64,
    /// Bytes of the packets given to the other side.
    pub transmitted_bytes: u64,
    /// Slots that the other side could not send.
    pub transmit_errors: u64,
    /// Packets dropped for want of room.
    pub transmit_drops: u64,
    /// What the other side said and cannot be: slots outside their page, unknown ids, indices
    /// past the ring.
    pub bad_slots: u64,
}

/// One network interface. Nothing here blocks; a full or empty queue is said and the waker told
/// later.
pub trait Link {
    /// The interface's own address.
    fn mac(&self) -> MacAddress;

    /// The largest IP packet in bytes (1500 on Ethernet).
    fn mtu(&self) -> usize;

    /// What it takes over from the stack.
    fn capabilities(&self) -> Capabilities;

    /// The next packet that came in, if any. The link may deliver packets for other stations.
    fn receive(&mut self) -> Option<Packet>;

    /// Whether `transmit` has room for one more packet, however large.
    fn can_transmit(&mut self) -> bool;

    /// Queues a packet. Without room the packet is dropped and counted.
    fn transmit(&mut self, packet: Packet);

    /// Hands over what was queued since the last call, in one go: one notification a batch.
    fn flush(&mut self);

    /// An empty buffer of at least `capacity` bytes for a packet to send, from those used before
    /// if the link keeps them.
    fn buffer(&mut self, capacity: usize) -> alloc::vec::Vec<u8> {
        alloc::vec::Vec::with_capacity(capacity)
    }

    /// Gives back the buffer of a packet that was received, for reuse.
    fn recycle(&mut self, buffer: alloc::vec::Vec<u8>) {
        drop(buffer);
    }

    /// What it has counted; zeros if it counts nothing.
    fn counters(&self) -> LinkCounters {
        LinkCounters::default()
    }

    /// Wakes `waker` once when a packet came in, or when there is room again after
    /// `can_transmit` said there was none.
    fn register(&mut self, waker: &Waker);
}
