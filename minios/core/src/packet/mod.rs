// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network packet as it travels between a driver, the switch and the stack: bytes from the
//! Ethernet header on, and what is known of its checksum and of the segments it stands for.

pub mod checksum;
mod headers;
#[cfg(test)]
mod tests;

pub use headers::{Headers, NetworkLayer, protocol};

use crate::mac_address::MacAddress;
use alloc::vec::Vec;

/// Bytes of an Ethernet header without tags.
pub const ETHERNET_HEADER: usize = 14;
/// The largest packet that an IPv4 length can name, with its Ethernet header.
pub const MAX_PACKET: usize = ETHERNET_HEADER + 65_535;

/// What is known of the TCP or UDP checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksum {
    /// Nothing is known: the receiver verifies it.
    #[default]
    None,
    /// The field holds the sum of the pseudo-header only: whoever puts the packet on a wire sums
    /// the bytes from `start` to the end into the field at `start + offset`. A receiver need not
    /// verify it: the packet never left the machine.
    Partial {
        /// Where summing starts, in bytes from the Ethernet header: the TCP or UDP header.
        start: u16,
        /// Where the field is, in bytes from `start`.
        offset: u16,
    },
    /// Somebody trusted verified it.
    Valid,
}

/// Which protocol the segments are cut by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GsoKind {
    /// TCP over IPv4.
    TcpV4,
    /// TCP over IPv6.
    TcpV6,
}

/// A packet that stands for several segments (generic segmentation offload).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gso {
    /// Payload bytes of each segment but the last; never 0.
    pub segment_size: u16,
    /// How to cut.
    pub kind: GsoKind,
}

/// One packet and its offload state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    bytes: Vec<u8>,
    /// What is known of the transport checksum.
    pub checksum: Checksum,
    /// The segments this packet stands for; `None` for an ordinary packet.
    pub gso: Option<Gso>,
}

impl Packet {
    /// A packet of `bytes` (from the Ethernet header on) of which nothing more is known.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, checksum: Checksum::None, gso: None }
    }

    /// The bytes, from the Ethernet header on.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, to be changed.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Gives the buffer back, for reuse.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is not a single byte.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// To which station it goes; `None` if shorter than an Ethernet header.
    pub fn destination(&self) -> Option<MacAddress> {
        self.address_at(0)
    }

    /// From which station it says it comes; `None` if shorter than an Ethernet header.
    pub fn source(&self) -> Option<MacAddress> {
        self.address_at(6)
    }

    fn address_at(&self, at: usize) -> Option<MacAddress> {
        if self.bytes.len() < ETHERNET_HEADER {
            return None;
        }
        self.bytes.get(at..at + 6)?.try_into().ok().map(MacAddress)
    }

    /// Where the headers are; `None` unless this is a well-formed IP packet.
    pub fn headers(&self) -> Option<Headers> {
        Headers::parse(&self.bytes)
    }

    /// Marks the checksum as partial at the place where the headers say it is, as a receiver does
    /// on `NETRXF_csum_blank`. False (and no change) if this is not TCP or UDP.
    pub fn mark_partial(&mut self) -> bool {
        let Some((start, offset)) = self.headers().and_then(|headers| headers.checksum_place())
        else {
            return false;
        };
        self.checksum = Checksum::Partial { start, offset };
        true
    }

    /// Writes the pseudo-header's sum into the checksum field and marks it as partial, as a
    /// sender does before it says `NETTXF_csum_blank`. False (and no change) if not TCP or UDP.
    pub fn prepare_partial(&mut self) -> bool {
        let Some(headers) = self.headers() else { return false };
        let Some((start, offset)) = headers.checksum_place() else { return false };
        let sum = headers.pseudo_header_sum(&self.bytes);
        let field = usize::from(start) + usize::from(offset);
        let Some(bytes) = self.bytes.get_mut(field..field + 2) else { return false };
        bytes.copy_from_slice(&sum.to_be_bytes());
        self.checksum = Checksum::Partial { start, offset };
        true
    }

    /// Completes a partial checksum in software; any other state is left as it is. False if the
    /// state points outside the packet, which leaves it unchanged.
    pub fn finish_checksum(&mut self) -> bool {
        let Checksum::Partial { start, offset } = self.checksum else { return true };
        let (start, field) = (usize::from(start), usize::from(start) + usize::from(offset));
        if field + 2 > self.bytes.len() {
            return false;
        }
        let end = self.headers().map_or(self.bytes.len(), |headers| headers.end);
        let Some(covered) = self.bytes.get(start..end.max(field + 2)) else { return false };
        // A sum of 0 is sent as 0xffff: for UDP 0 means "none", for TCP both are the same.
        let sum = match !checksum::sum(covered) {
            0 => 0xffff,
            sum => sum,
        };
        if let Some(bytes) = self.bytes.get_mut(field..field + 2) {
            bytes.copy_from_slice(&sum.to_be_bytes());
        }
        self.checksum = Checksum::Valid;
        true
    }

    /// Whether the transport checksum is right or need not be looked at.
    pub fn verify(&self) -> bool {
        match self.checksum {
            Checksum::Partial { .. } | Checksum::Valid => true,
            Checksum::None => self.headers().is_none_or(|headers| headers.verify(&self.bytes)),
        }
    }
}
