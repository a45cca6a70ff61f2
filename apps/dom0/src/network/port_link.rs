// SPDX-License-Identifier: MIT OR Apache-2.0
//! dom0's own port of the switch, as its stack's network interface.

use core::task::Waker;

use dom0_core::network::switch::{MTU, PortId};
use minios::net::link::{Capabilities, Link, MAX_PACKET, MacAddress, Packet};

use super::Hub;

/// A port as a link.
pub(super) struct PortLink {
    hub: Hub,
    port: PortId,
    mac: MacAddress,
}

impl PortLink {
    pub(super) fn new(hub: Hub, port: PortId, mac: MacAddress) -> Self {
        Self { hub, port, mac }
    }
}

impl Link for PortLink {
    fn mac(&self) -> MacAddress {
        self.mac
    }

    fn mtu(&self) -> usize {
        MTU
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            transmit_checksum: true,
            segmentation_tcp_v4: Some(MAX_PACKET),
            segmentation_tcp_v6: Some(MAX_PACKET),
        }
    }

    fn receive(&mut self) -> Option<Packet> {
        self.hub.take(self.port)
    }

    fn can_transmit(&mut self) -> bool {
        !self.hub.is_congested()
    }

    fn transmit(&mut self, packet: Packet) {
        self.hub.forward(self.port, packet);
    }

    fn flush(&mut self) {}

    fn register(&mut self, waker: &Waker) {
        if self.hub.register(self.port, waker) {
            waker.wake_by_ref();
        }
        self.hub.register_room(waker);
    }
}
