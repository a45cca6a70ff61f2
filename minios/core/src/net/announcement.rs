// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ARP announcement (RFC 5227, section 2.3): who waits for this address need not ask again,
//! switches learn the port, and caches forget who had the address before.

use crate::mac_address::MacAddress;
use crate::packet::{ETHERNET_HEADER, Packet};
use alloc::vec;
use core::net::Ipv4Addr;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr,
};

/// A request for `address` by its owner, to everybody.
pub(super) fn announcement(mac: MacAddress, address: Ipv4Addr) -> Packet {
    let mac = EthernetAddress(mac.0);
    let header = EthernetRepr {
        src_addr: mac,
        dst_addr: EthernetAddress::BROADCAST,
        ethertype: EthernetProtocol::Arp,
    };
    let request = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: mac,
        source_protocol_addr: address,
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: address,
    };
    let mut bytes = vec![0; ETHERNET_HEADER + request.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    header.emit(&mut frame);
    request.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    Packet::new(bytes)
}
