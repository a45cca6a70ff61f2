// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cutting a large TCP packet into segments, for who cannot (RFC 9293; what hardware calls TSO).
//!
//! Each segment gets the large packet's headers, with its own length, IPv4 identification,
//! sequence number, flags (FIN and PSH only on the last, CWR only on the first) and checksums.

#[cfg(test)]
mod tests;

use core::ops::Range;

use minios_core::packet::{Checksum, GsoKind, Headers, NetworkLayer, Packet, checksum, protocol};

const FIN_PSH: u8 = 0x01 | 0x08;
const CWR: u8 = 0x80;

/// The segments of `packet`, each with all its checksums; `None` if it is not the well-formed TCP
/// packet that its `gso` says, or would make more segments than its bytes justify.
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
    if payload_start - headers.transport_start < 20 {
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

/// Smaller segments are refused: a 64 KiB packet of one-byte segments would be an attack.
const MIN_SEGMENT: usize = 64;

/// The iterator that [`segments`] returns.
pub struct Segments<'a> {
    bytes: &'a [u8],
    headers: Headers,
    payload_start: usize,
    segment_size: usize,
    index: u16,
    next: usize,
}

impl Iterator for Segments<'_> {
    type Item = Packet;

    fn next(&mut self) -> Option<Packet> {
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

impl Segments<'_> {
    fn build(&self, payload: Range<usize>) -> Option<Packet> {
        let Headers { network_start: ip, transport_start: tcp, end, .. } = self.headers;
        let mut bytes = alloc::vec::Vec::with_capacity(self.payload_start + payload.len());
        bytes.extend_from_slice(self.bytes.get(..self.payload_start)?);
        bytes.extend_from_slice(self.bytes.get(payload.clone())?);

        let total = u16::try_from(bytes.len() - ip).ok()?;
        if self.headers.network == NetworkLayer::Ipv4 {
            let id = word(&bytes, ip + 4)?.wrapping_add(self.index);
            put(&mut bytes, ip + 2, &total.to_be_bytes())?;
            put(&mut bytes, ip + 4, &id.to_be_bytes())?;
            put(&mut bytes, ip + 10, &[0, 0])?;
            let sum = !checksum::sum(bytes.get(ip..tcp)?);
            put(&mut bytes, ip + 10, &sum.to_be_bytes())?;
        } else {
            put(&mut bytes, ip + 4, &(total - 40).to_be_bytes())?;
        }

        let offset = u32::try_from(payload.start - self.payload_start).ok()?;
        let sequence = u32::from_be_bytes(bytes.get(tcp + 4..tcp + 8)?.try_into().ok()?);
        put(&mut bytes, tcp + 4, &sequence.wrapping_add(offset).to_be_bytes())?;
        let flags = bytes.get_mut(tcp + 13)?;
        if payload.end < end {
            *flags &= !FIN_PSH;
        }
        if self.index > 0 {
            *flags &= !CWR;
        }
        let mut segment = Packet::new(bytes);
        (segment.prepare_partial() && segment.finish_checksum()).then_some(())?;
        segment.checksum = Checksum::Valid;
        Some(segment)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    bytes.get_mut(at..at + value.len())?.copy_from_slice(value);
    Some(())
}
