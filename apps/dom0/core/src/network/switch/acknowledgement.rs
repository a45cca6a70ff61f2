// SPDX-License-Identifier: MIT OR Apache-2.0
//! TCP acknowledgements that wait in a queue behind each other.
//!
//! A host that acknowledges every segment makes as many packets as it gets. Of two that come at
//! once the first says nothing that the second does not: one for every second segment is what a
//! receiver that delays them sends (RFC 5681, section 4.2), and what senders reckon with.

use minios_core::packet::{Headers, NetworkLayer, Packet, protocol};

use super::MTU;

/// A TCP header without options.
const TCP_HEADER: usize = 20;
/// Nothing but the flag ACK, and the header's length.
const PURE: [u8; 2] = [5 << 4, 0x10];
/// Bytes that one segment carries at most: without the headers of IPv4 and TCP.
const SEGMENT: usize = MTU - 40;

/// Whether `new` acknowledges what `old` does and at most one segment more, and both do nothing
/// else.
pub(super) fn replaces(new: &Packet, old: &Packet) -> bool {
    let Some((headers, new_number)) = pure(new) else { return false };
    let Some((old_headers, old_number)) = pure(old) else { return false };
    let more = new_number.wrapping_sub(old_number) as usize;
    headers == old_headers && (1..=SEGMENT).contains(&more) && of_one_flow(headers, new, old)
}

/// The headers of a packet that does nothing but acknowledge, and the number.
fn pure(packet: &Packet) -> Option<(Headers, u32)> {
    let headers = packet.headers()?;
    let tcp = headers.transport_start;
    let pure = headers.protocol == protocol::TCP
        && !headers.fragment
        && headers.end == tcp + TCP_HEADER
        && packet.bytes().get(tcp + 12..tcp + 14)? == PURE;
    let number = packet.bytes().get(tcp + 8..tcp + 12)?.try_into().ok()?;
    pure.then_some((headers, u32::from_be_bytes(number)))
}

/// Whether stations, class of service, addresses, ports and sequence number are the same.
fn of_one_flow(headers: Headers, new: &Packet, old: &Packet) -> bool {
    let Headers { network_start: ip, transport_start: tcp, .. } = headers;
    let addresses = match headers.network {
        NetworkLayer::Ipv4 => ip + 12,
        NetworkLayer::Ipv6 => ip + 8,
    };
    [0..ip + 2, addresses..tcp + 8]
        .into_iter()
        .all(|range| new.bytes().get(range.clone()) == old.bytes().get(range))
}
