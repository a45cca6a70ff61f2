// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets for the tests.

use alloc::vec;
use alloc::vec::Vec;

use minios_core::mac_address::MacAddress;
use minios_core::packet::{Gso, GsoKind, Packet, protocol};

pub(crate) fn mac(last: u8) -> MacAddress {
    MacAddress([2, 0, 0, 0, 0, last])
}

/// A packet of no known protocol.
pub(crate) fn frame(to: MacAddress, from: MacAddress, payload: usize) -> Packet {
    let mut bytes = [to.0, from.0].concat();
    bytes.extend_from_slice(&[0x88, 0xb5]);
    bytes.resize(14 + payload, 0xaa);
    Packet::new(bytes)
}

/// A TCP/IPv4 packet that stands for segments of `segment_size`.
pub(crate) fn tcp_v4(payload: usize, segment_size: u16) -> Packet {
    let mut bytes = vec![0; 54];
    bytes[..6].copy_from_slice(&mac(2).0);
    bytes[6..12].copy_from_slice(&mac(1).0);
    bytes[12..14].copy_from_slice(&[8, 0]);
    bytes[14] = 0x45;
    bytes[16..18].copy_from_slice(&u16::try_from(40 + payload).unwrap().to_be_bytes());
    bytes[18..20].copy_from_slice(&0xfffe_u16.to_be_bytes());
    bytes[22] = 64;
    bytes[23] = protocol::TCP;
    bytes[26..34].copy_from_slice(&[10, 0, 2, 16, 10, 0, 2, 2]);
    finish_tcp(bytes, 34, payload, Gso { segment_size, kind: GsoKind::TcpV4 })
}

/// The same over IPv6.
pub(crate) fn tcp_v6(payload: usize, segment_size: u16) -> Packet {
    let mut bytes = vec![0; 74];
    bytes[..6].copy_from_slice(&mac(2).0);
    bytes[6..12].copy_from_slice(&mac(1).0);
    bytes[12..14].copy_from_slice(&[0x86, 0xdd]);
    bytes[14] = 0x60;
    bytes[18..20].copy_from_slice(&u16::try_from(20 + payload).unwrap().to_be_bytes());
    bytes[20] = protocol::TCP;
    bytes[22..54].copy_from_slice(&[0xfe; 32]);
    finish_tcp(bytes, 54, payload, Gso { segment_size, kind: GsoKind::TcpV6 })
}

/// A TCP/IPv4 packet that does nothing but acknowledge the bytes before `number`.
pub(crate) fn acknowledgement(number: u32) -> Packet {
    let mut packet = tcp_v4(0, 1000);
    packet.gso = None;
    let tcp = &mut packet.bytes_mut()[34..];
    tcp[8..12].copy_from_slice(&number.to_be_bytes());
    tcp[13] = 0x10;
    packet
}

fn finish_tcp(mut bytes: Vec<u8>, tcp: usize, payload: usize, gso: Gso) -> Packet {
    bytes[tcp + 4..tcp + 8].copy_from_slice(&0xffff_ff00_u32.to_be_bytes());
    bytes[tcp + 12] = 5 << 4;
    // CWR, ACK, PSH, FIN.
    bytes[tcp + 13] = 0x80 | 0x10 | 0x08 | 0x01;
    bytes.extend((0..payload).map(|i| (i * 7).to_le_bytes()[0]));
    let mut packet = Packet::new(bytes);
    packet.gso = Some(gso);
    assert!(packet.prepare_partial());
    packet
}
