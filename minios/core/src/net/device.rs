// SPDX-License-Identifier: MIT OR Apache-2.0
//! The link as smoltcp's device.

use super::counters::Counters;
use crate::link::Link;
use crate::packet::{ETHERNET_HEADER, Gso, GsoKind, NetworkLayer, Packet};
use alloc::boxed::Box;
use core::num::{NonZeroU16, NonZeroUsize};
use smoltcp::phy::{Checksum, DeviceCapabilities, Medium, PacketMeta};
use smoltcp::time::Instant;

/// The link, and the packet that the stack is to see next.
pub(super) struct Device {
    pub(super) link: Box<dyn Link>,
    /// The stack's next packet: looked at and found fit to be seen.
    pub(super) pending: Option<Packet>,
    pub(super) counters: Counters,
}

impl Device {
    pub(super) fn new(link: Box<dyn Link>) -> Self {
        Self { link, pending: None, counters: Counters::default() }
    }

    /// The next packet of the link whose checksum is right.
    pub(super) fn next(&mut self) -> Option<Packet> {
        loop {
            let packet = self.link.receive()?;
            self.counters.packets_received += 1;
            self.counters.bytes_received += packet.len() as u64;
            if packet.verify() {
                return Some(packet);
            }
            self.counters.bad_checksums += 1;
            self.link.recycle(packet.into_bytes());
        }
    }

    /// Gives the buffer of the packet that the stack has seen back to the link.
    pub(super) fn done(&mut self) {
        if let Some(packet) = self.pending.take() {
            self.link.recycle(packet.into_bytes());
        }
    }

    /// Sends a packet whose checksum is complete.
    pub(super) fn send(&mut self, packet: Packet) {
        self.counters.packets_sent += 1;
        self.counters.bytes_sent += packet.len() as u64;
        self.link.transmit(packet);
    }
}

impl smoltcp::phy::Device for Device {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Transmit<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Transmit<'_>)> {
        let Self { link, pending, counters } = self;
        let packet = pending.as_ref().filter(|packet| !packet.is_empty())?;
        Some((Received(packet), Transmit::new(link.as_mut(), counters)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Transmit<'_>> {
        self.link.can_transmit().then(|| Transmit::new(self.link.as_mut(), &mut self.counters))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let capabilities = self.link.capabilities();
        let mut device = DeviceCapabilities::default();
        device.medium = Medium::Ethernet;
        device.max_transmission_unit = self.link.mtu() + ETHERNET_HEADER;
        // `next` verifies what arrives, as far as the sender's offload asks for it.
        let transport = match capabilities.transmit_checksum {
            true => Checksum::None,
            false => Checksum::Tx,
        };
        device.checksum.tcp = transport;
        device.checksum.udp = transport;
        device.segmentation.tcpv4 = capabilities.segmentation_tcp_v4.and_then(NonZeroUsize::new);
        device.segmentation.tcpv6 = capabilities.segmentation_tcp_v6.and_then(NonZeroUsize::new);
        device
    }
}

/// A packet on its way into the stack.
pub(super) struct Received<'a>(&'a Packet);

impl smoltcp::phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0.bytes())
    }
}

/// Room for a packet on its way out.
pub(super) struct Transmit<'a> {
    link: &'a mut dyn Link,
    counters: &'a mut Counters,
    segment_size: Option<u16>,
}

impl<'a> Transmit<'a> {
    fn new(link: &'a mut dyn Link, counters: &'a mut Counters) -> Self {
        Self { link, counters, segment_size: None }
    }
}

impl smoltcp::phy::TxToken for Transmit<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut bytes = self.link.buffer(len);
        bytes.resize(len, 0);
        let result = f(&mut bytes);
        let mut packet = Packet::new(bytes);
        if self.link.capabilities().transmit_checksum {
            packet.prepare_partial();
        }
        if let Some(segment_size) = self.segment_size {
            let kind = match packet.headers().map(|headers| headers.network) {
                Some(NetworkLayer::Ipv6) => GsoKind::TcpV6,
                _ => GsoKind::TcpV4,
            };
            packet.gso = Some(Gso { segment_size, kind });
        }
        self.counters.packets_sent += 1;
        self.counters.bytes_sent += len as u64;
        self.link.transmit(packet);
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.segment_size = meta.segmentation_offload_size.map(NonZeroU16::get);
    }
}
