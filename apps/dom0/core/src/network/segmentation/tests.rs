// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of cutting packets into segments.

use std::vec::Vec;

use minios_core::packet::{Checksum, Packet, checksum};
use proptest::prelude::*;

use super::segments;
use crate::network::test_packets::{tcp_v4, tcp_v6};

/// The segments, each checked by itself; returns sequence number, flags and payload of each.
fn cut(packet: &Packet) -> Vec<(u32, u8, Vec<u8>)> {
    let check = |segment: Packet| {
        assert_eq!((segment.gso, segment.checksum), (None, Checksum::Valid));
        let headers = segment.headers().unwrap();
        assert_eq!(headers.end, segment.len());
        assert!(headers.verify(segment.bytes()));
        let tcp = headers.transport_start;
        let bytes = segment.bytes();
        let sequence = u32::from_be_bytes(bytes[tcp + 4..tcp + 8].try_into().unwrap());
        (sequence, bytes[tcp + 13], bytes[headers.payload_start(bytes).unwrap()..].to_vec())
    };
    let all = segments(packet).unwrap();
    let count = all.count_all();
    let cut: Vec<_> = all.map(|segment| check(segment.to_packet())).collect();
    assert_eq!(cut.len(), count);
    cut
}

fn check(packet: &Packet, header: usize, size: usize) {
    let cut = cut(packet);
    let mut whole = Vec::new();
    for (sequence, flags, payload) in &cut {
        let (first, last) =
            (whole.is_empty(), whole.len() + payload.len() + header == packet.len());
        assert_eq!(*sequence, 0xffff_ff00_u32.wrapping_add(u32::try_from(whole.len()).unwrap()));
        assert_eq!(*flags & 0x80 != 0, first, "CWR");
        assert_eq!(*flags & 9 != 0, last, "FIN, PSH");
        assert!(payload.len() == size || last);
        whole.extend_from_slice(payload);
    }
    assert_eq!(whole, packet.bytes()[header..]);
}

#[test]
fn ipv4_headers() {
    let packet = tcp_v4(3000, 1460);
    check(&packet, 54, 1460);
    let all: Vec<Packet> = segments(&packet).unwrap().map(|segment| segment.to_packet()).collect();
    let ids: Vec<&[u8]> = all.iter().map(|segment| &segment.bytes()[18..20]).collect();
    assert_eq!(ids, [[0xff, 0xfe], [0xff, 0xff], [0, 0]]);
    for segment in &all {
        assert_eq!(checksum::sum(&segment.bytes()[14..34]), 0xffff);
    }
}

#[test]
fn without_payload_one_segment() {
    assert_eq!(cut(&tcp_v4(0, 1460)).len(), 1);
}

#[test]
fn what_is_not_as_it_says_is_refused() {
    assert!(segments(&tcp_v4(100, 1)).is_none(), "tiny segments");
    let mut packet = tcp_v4(2000, 1000);
    packet.gso = tcp_v6(2000, 1000).gso;
    assert!(segments(&packet).is_none(), "wrong network layer");
    let mut packet = tcp_v4(2000, 1000);
    packet.bytes_mut()[23] = 17;
    assert!(segments(&packet).is_none(), "UDP");
    let mut packet = tcp_v4(2000, 1000);
    packet.bytes_mut()[20] = 0x20;
    assert!(segments(&packet).is_none(), "a fragment");
    let mut packet = tcp_v4(2000, 1000);
    packet.bytes_mut()[34 + 12] = 4 << 4;
    assert!(segments(&packet).is_none(), "a TCP header of 16 bytes");
    packet.gso = None;
    assert!(segments(&packet).is_none(), "an ordinary packet");
}

proptest! {
    #[test]
    fn any_size(payload in 1..40_000_usize, size in 512..9000_u16) {
        check(&tcp_v4(payload, size), 54, size.into());
        check(&tcp_v6(payload, size), 74, size.into());
    }

    #[test]
    fn any_bytes_are_survived(at in 12..60_usize, byte: u8) {
        for mut packet in [tcp_v4(1800, 600), tcp_v6(1800, 600)] {
            packet.bytes_mut()[at] = byte;
            if let Some(segments) = segments(&packet) {
                prop_assert!(segments.count() < 10);
            }
        }
    }
}
