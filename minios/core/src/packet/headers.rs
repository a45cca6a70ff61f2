// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the headers of an IP packet are. Bytes come from other domains: every offset is checked.

use super::{ETHERNET_HEADER, checksum};

/// IP protocol numbers.
pub mod protocol {
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
}

/// Which network layer the packet has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkLayer {
    /// IPv4 (RFC 791).
    Ipv4,
    /// IPv6 (RFC 8200), without extension headers.
    Ipv6,
}

/// The offsets of an IP packet, in bytes from its Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers {
    /// The network layer.
    pub network: NetworkLayer,
    /// Where the IP header starts.
    pub network_start: usize,
    /// Where the transport header starts.
    pub transport_start: usize,
    /// The transport protocol's number.
    pub protocol: u8,
    /// Where the transport payload ends; padding may follow.
    pub end: usize,
    /// Whether this is a fragment; its transport header may be missing.
    pub fragment: bool,
}

fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

impl Headers {
    /// Finds the headers; `None` if this is not IP (one VLAN tag is skipped) or is cut short.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (mut kind, mut start) = (word(bytes, 12)?, ETHERNET_HEADER);
        if kind == 0x8100 {
            (kind, start) = (word(bytes, 16)?, ETHERNET_HEADER + 4);
        }
        match kind {
            0x0800 => Self::parse_ipv4(bytes, start),
            0x86dd => Self::parse_ipv6(bytes, start),
            _ => None,
        }
    }

    fn parse_ipv4(bytes: &[u8], start: usize) -> Option<Self> {
        let first = byte(bytes, start)?;
        let header = usize::from(first & 0xf) * 4;
        let length = usize::from(word(bytes, start + 2)?);
        if first >> 4 != 4 || header < 20 || length < header || start + length > bytes.len() {
            return None;
        }
        Some(Self {
            network: NetworkLayer::Ipv4,
            network_start: start,
            transport_start: start + header,
            protocol: byte(bytes, start + 9)?,
            end: start + length,
            fragment: word(bytes, start + 6)? & 0x3fff != 0,
        })
    }

    fn parse_ipv6(bytes: &[u8], start: usize) -> Option<Self> {
        let length = usize::from(word(bytes, start + 4)?);
        if byte(bytes, start)? >> 4 != 6 || start + 40 + length > bytes.len() {
            return None;
        }
        Some(Self {
            network: NetworkLayer::Ipv6,
            network_start: start,
            transport_start: start + 40,
            protocol: byte(bytes, start + 6)?,
            end: start + 40 + length,
            fragment: false,
        })
    }

    /// Where the checksum's coverage starts and where its field is from there; `None` unless
    /// this is a whole TCP or UDP packet.
    pub fn checksum_place(&self) -> Option<(u16, u16)> {
        let (offset, header) = match self.protocol {
            protocol::TCP => (16, 20),
            protocol::UDP => (6, 8),
            _ => return None,
        };
        if self.fragment || self.transport_start + header > self.end {
            return None;
        }
        Some((u16::try_from(self.transport_start).ok()?, offset))
    }

    /// The transport payload's place: behind TCP's or UDP's header. `None` if that is cut short.
    pub fn payload_start(&self, bytes: &[u8]) -> Option<usize> {
        let header = match self.protocol {
            protocol::TCP => usize::from(byte(bytes, self.transport_start + 12)? >> 4) * 4,
            protocol::UDP => 8,
            _ => return None,
        };
        let start = self.transport_start + header;
        (header >= 8 && start <= self.end).then_some(start)
    }

    /// The pseudo-header's sum (RFC 9293, 3.1), not complemented.
    pub fn pseudo_header_sum(&self, bytes: &[u8]) -> u16 {
        let addresses = match self.network {
            NetworkLayer::Ipv4 => self.network_start + 12..self.network_start + 20,
            NetworkLayer::Ipv6 => self.network_start + 8..self.network_start + 40,
        };
        let length = u16::try_from(self.end - self.transport_start).unwrap_or(0);
        let sum = checksum::sum(bytes.get(addresses).unwrap_or(&[]));
        checksum::add(checksum::add(sum, u16::from(self.protocol)), length)
    }

    /// Whether the transport checksum is right; true for what has none.
    pub fn verify(&self, bytes: &[u8]) -> bool {
        let Some((start, offset)) = self.checksum_place() else { return true };
        let field = word(bytes, usize::from(start) + usize::from(offset));
        if self.protocol == protocol::UDP && field == Some(0) {
            return self.network == NetworkLayer::Ipv4;
        }
        let Some(covered) = bytes.get(usize::from(start)..self.end) else { return false };
        checksum::add(self.pseudo_header_sum(bytes), checksum::sum(covered)) == 0xffff
    }
}
