// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Checksum, Packet, checksum, protocol};
use crate::mac_address::{BadMacAddress, MacAddress};
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

/// An Ethernet + IPv4 + UDP packet with `payload`, checksum field as given.
fn udp(payload: &[u8], sum: u16) -> Packet {
    let mut bytes = vec![0; 42];
    bytes[12..14].copy_from_slice(&[8, 0]);
    bytes[14] = 0x45;
    let length = u16::try_from(28 + payload.len()).unwrap();
    bytes[16..18].copy_from_slice(&length.to_be_bytes());
    bytes[23] = protocol::UDP;
    bytes[26..34].copy_from_slice(&[10, 0, 2, 16, 10, 0, 2, 2]);
    bytes[34..38].copy_from_slice(&[0x12, 0x34, 0, 53]);
    bytes[38..40].copy_from_slice(&(length - 20).to_be_bytes());
    bytes[40..42].copy_from_slice(&sum.to_be_bytes());
    bytes.extend_from_slice(payload);
    Packet::new(bytes)
}

#[test]
fn sum_is_the_naive_sum() {
    for length in 0..70_usize {
        let bytes: Vec<u8> = (0..length).map(|i| (i * 89 + 200).to_le_bytes()[0]).collect();
        let mut naive: u32 = 0;
        for pair in bytes.chunks(2) {
            naive += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
        }
        while naive > 0xffff {
            naive = (naive >> 16) + (naive & 0xffff);
        }
        assert_eq!(u32::from(checksum::sum(&bytes)), naive, "length {length}");
    }
}

#[test]
fn partial_then_finished_verifies() {
    for payload in [&b""[..], b"x", b"four", b"seven b", &[0xff; 300]] {
        let mut packet = udp(payload, 0xdead);
        assert!(!packet.verify());
        assert!(packet.prepare_partial());
        assert_eq!(packet.checksum, Checksum::Partial { start: 34, offset: 6 });
        assert!(packet.finish_checksum());
        packet.checksum = Checksum::None;
        assert!(packet.verify(), "payload of {}", payload.len());
    }
}

#[test]
fn padding_is_not_summed() {
    let mut packet = udp(b"abc", 0);
    packet.prepare_partial();
    packet.finish_checksum();
    let mut bytes = packet.into_bytes();
    bytes.extend_from_slice(&[7; 15]);
    assert!(Packet::new(bytes).verify());
}

#[test]
fn a_checksum_outside_the_packet_is_refused() {
    let mut packet = udp(b"abc", 0);
    packet.checksum = Checksum::Partial { start: 34, offset: 60_000 };
    let before = packet.clone();
    assert!(!packet.finish_checksum());
    assert_eq!(packet, before);
}

#[test]
fn udp_without_checksum_passes() {
    assert!(udp(b"abc", 0).verify());
}

#[test]
fn cut_packets_have_no_headers() {
    let whole = udp(b"payload", 0).into_bytes();
    for length in 0..whole.len() {
        assert_eq!(Packet::new(whole[..length].to_vec()).headers(), None);
    }
    assert!(Packet::new(whole).headers().is_some());
}

#[test]
fn addresses() {
    let mac: MacAddress = "00:16:3E:01:02:ff".parse().unwrap();
    assert_eq!(mac.to_string(), "00:16:3e:01:02:ff");
    assert!(mac.is_unicast() && MacAddress::BROADCAST.is_multicast());
    for bad in ["", "00:16:3e:01:02", "00:16:3e:01:02:ff:00", "0:1:2:3:4:g", "+1:2:3:4:5:6"] {
        assert_eq!(bad.parse::<MacAddress>(), Err(BadMacAddress), "{bad}");
    }
    assert_eq!(Packet::new(vec![0; 13]).destination(), None);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        let mut packet = Packet::new(bytes);
        packet.verify();
        packet.mark_partial();
        packet.finish_checksum();
    }
}
