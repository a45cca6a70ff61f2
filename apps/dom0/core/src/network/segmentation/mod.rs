// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cutting a large TCP packet into segments, for who cannot (RFC 9293; what hardware calls TSO).
//!
//! Each segment gets the large packet's headers, with its own length, IPv4 identification,
//! sequence number, flags (FIN and PSH only on the last, CWR only on the first) and checksums.

#[cfg(test)]
mod tests;

use core::ops::Range;

use heapless::Vec;
use minios_core::packet::{Checksum, GsoKind, Headers, NetworkLayer, Packet, checksum, protocol};

const FIN_PSH: u8 = 0x01 | 0x08;
const CWR: u8 = 0x80;

/// Bytes of headers at most: Ethernet with a tag, IP, and TCP with options.
const MAX_HEADERS: usize = 18 + 60 + 60;
/// Smaller segments are refused: every host takes 536 bytes (RFC 9293, 3.7.1), and a large packet
/// of one-byte segments would be an attack.
const MIN_SEGMENT: usize = 512;
/// Segments of a packet at most.
pub const MAX_SEGMENTS: usize = 65_536 / MIN_SEGMENT;

/// The segments of `packet`, each with all its checksums; `None` if it is not the well-formed TCP
/// packet that its `gso` says.
#[must_use]
pub fn segments(packet: &Packet) -> Option<Segments<'_>> {
    let gso = packet.gso?;
    let headers = packet.headers()?;
    let network = match gso.kind {
        GsoKind::TcpV4 => NetworkLayer::Ipv4,
        GsoKind::TcpV6 => NetworkLayer::Ipv6,
    };
    let tcp = headers.network == network && headers.protocol == protocol::TCP;
    if !tcp || headers.fragment || usize::from(gso.segment_size) < MIN_SEGMENT {
        return None;
    }
    let payload_start = headers.payload_start(packet.bytes())?;
    if payload_start - headers.transport_start < 20 || payload_start > MAX_HEADERS {
        return None;
    }
    Some(Segments {
        bytes: packet.bytes(),
        headers,
        payload_start,
        segment_size: usize::from(gso.segment_size),
        index: 0,
        next: payload_start,
    })
}

/// One segment, in two pieces.
#[derive(Clone, Debug)]
pub struct Segment<'a> {
    /// All headers, with complete checksums.
    pub headers: Vec<u8, MAX_HEADERS>,
    /// What follows them.
    pub payload: &'a [u8],
}

impl Segment<'_> {
    /// The segment in one piece.
    #[must_use]
    pub fn to_packet(&self) -> Packet {
        let mut packet = Packet::new([&self.headers, self.payload].concat());
        packet.checksum = Checksum::Valid;
        packet
    }
}

/// The iterator that [`segments`] returns.
pub struct Segments<'a> {
    bytes: &'a [u8],
    headers: Headers,
    payload_start: usize,
    segment_size: usize,
    index: u16,
    next: usize,
}

impl Segments<'_> {
    /// How many segments there are.
    #[must_use]
    pub fn count_all(&self) -> usize {
        (self.headers.end - self.payload_start).div_ceil(self.segment_size).max(1)
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        // A packet without payload is one segment.
        if self.next >= self.headers.end && self.index > 0 {
            return None;
        }
        let payload = self.next..self.headers.end.min(self.next + self.segment_size);
        let segment = self.build(payload.clone())?;
        self.next = payload.end;
        self.index = self.index.wrapping_add(1);
        Some(segment)
    }
}

impl<'a> Segments<'a> {
    fn build(&self, range: Range<usize>) -> Option<Segment<'a>> {
        let Headers { network_start: ip, transport_start: tcp, end, .. } = self.headers;
        let payload = self.bytes.get(range.clone())?;
        let mut headers = Vec::from_slice(self.bytes.get(..self.payload_start)?).ok()?;

        let transport = u16::try_from(self.payload_start - tcp + payload.len()).ok()?;
        if self.headers.network == NetworkLayer::Ipv4 {
            let total = u16::try_from(tcp - ip).ok()?.checked_add(transport)?;
            let id = word(&headers, ip + 4)?.wrapping_add(self.index);
            put(&mut headers, ip + 2, &total.to_be_bytes())?;
            put(&mut headers, ip + 4, &id.to_be_bytes())?;
            put(&mut headers, ip + 10, &[0, 0])?;
            let sum = !checksum::sum(headers.get(ip..tcp)?);
            put(&mut headers, ip + 10, &sum.to_be_bytes())?;
        } else {
            put(&mut headers, ip + 4, &transport.to_be_bytes())?;
        }

        let offset = u32::try_from(range.start - self.payload_start).ok()?;
        let sequence = u32::from_be_bytes(headers.get(tcp + 4..tcp + 8)?.try_into().ok()?);
        put(&mut headers, tcp + 4, &sequence.wrapping_add(offset).to_be_bytes())?;
        let flags = headers.get_mut(tcp + 13)?;
        if range.end < end {
            *flags &= !FIN_PSH;
        }
        if self.index > 0 {
            *flags &= !CWR;
        }
        put(&mut headers, tcp + 16, &[0, 0])?;
        // TCP's header has an even number of bytes, so the two sums may be added.
        let covered = checksum::add(checksum::sum(headers.get(tcp..)?), checksum::sum(payload));
        let sum = !checksum::add(self.pseudo_header_sum(transport)?, covered);
        put(&mut headers, tcp + 16, &sum.to_be_bytes())?;
        Some(Segment { headers, payload })
    }

    fn pseudo_header_sum(&self, transport: u16) -> Option<u16> {
        let ip = self.headers.network_start;
        let addresses = match self.headers.network {
            NetworkLayer::Ipv4 => ip + 12..ip + 20,
            NetworkLayer::Ipv6 => ip + 8..ip + 40,
        };
        let sum = checksum::sum(self.bytes.get(addresses)?);
        Some(checksum::add(checksum::add(sum, u16::from(protocol::TCP)), transport))
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    bytes.get_mut(at..at + value.len())?.copy_from_slice(value);
    Some(())
}
