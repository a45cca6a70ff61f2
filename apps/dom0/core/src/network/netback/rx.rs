// SPDX-License-Identifier: MIT OR Apache-2.0
//! A packet on its way to a frontend: how it is spread over the slots that the frontend offers.

use heapless::Vec;
use minios_core::packet::{Checksum, GsoKind, Packet};
use xen_abi::grant_table::GrantRef;
use xen_abi::net::{
    ExtraInfo, ExtraType, GSO_TCPV4, GSO_TCPV6, GsoInfo, MAX_SLOTS, RX_CSUM_BLANK,
    RX_DATA_VALIDATED, RX_EXTRA_INFO, RX_MORE_DATA, RX_SLOT_SIZE, RxRequest, RxResponse,
};
use zerocopy::{FromBytes, IntoBytes};

use super::features::SLOT_BYTES;

/// A slot's part of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RxSlot {
    /// The page to copy to, from its start on.
    pub gref: GrantRef,
    /// Where the part starts in the packet.
    pub start: usize,
    /// Its bytes.
    pub len: u16,
}

/// What to copy and what to answer for one packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RxFill {
    /// Copies to make.
    pub copies: Vec<RxSlot, MAX_SLOTS>,
    /// Responses, for as many requests; if a copy fails, the status of all is to be an error.
    pub responses: Vec<[u8; RX_SLOT_SIZE], MAX_SLOTS>,
}

impl RxFill {
    /// The responses that say that the packet could not be copied.
    pub fn failed(&self) -> impl Iterator<Item = [u8; RX_SLOT_SIZE]> {
        self.responses.iter().map(|[id0, id1, ..]| {
            let id = u16::from_le_bytes([*id0, *id1]);
            response(id, 0, xen_abi::net::STATUS_ERROR)
        })
    }
}

/// How many slots the packet takes.
#[must_use]
pub fn slots_needed(packet: &Packet) -> u32 {
    let slots = packet.len().div_ceil(SLOT_BYTES) + usize::from(packet.gso.is_some());
    u32::try_from(slots).unwrap_or(u32::MAX)
}

/// Spreads the packet over requests, which `request` copies out of the ring: the first, the
/// second and so on. `None` if it needs more slots than a packet may have.
pub fn fill(packet: &Packet, request: impl Fn(u32) -> [u8; RX_SLOT_SIZE]) -> Option<RxFill> {
    let mut fill = RxFill::default();
    let mut next = 0;
    let mut take = || {
        let bytes = request(next);
        next += 1;
        RxRequest::read_from_bytes(&bytes).unwrap_or_default()
    };
    for start in (0..packet.len()).step_by(SLOT_BYTES) {
        let len = (packet.len() - start).min(SLOT_BYTES);
        let last = start + len == packet.len();
        let mut flags = if last { 0 } else { RX_MORE_DATA };
        let RxRequest { id, gref, .. } = take();
        let extra = if start == 0 { packet.gso.is_some() } else { false };
        if start == 0 {
            flags |= checksum_flags(packet) | if extra { RX_EXTRA_INFO } else { 0 };
        }
        let (count, status) = (u16::try_from(len).ok()?, i16::try_from(len).ok()?);
        fill.copies.push(RxSlot { gref, start, len: count }).ok()?;
        fill.responses.push(response(id, flags, status)).ok()?;
        if extra {
            // The request whose place the extra slot takes is used up.
            take();
            fill.responses.push(gso_slot(packet)?).ok()?;
        }
    }
    Some(fill)
}

fn checksum_flags(packet: &Packet) -> u16 {
    match packet.checksum {
        Checksum::None => 0,
        Checksum::Partial { .. } => RX_CSUM_BLANK | RX_DATA_VALIDATED,
        Checksum::Valid => RX_DATA_VALIDATED,
    }
}

fn response(id: u16, flags: u16, status: i16) -> [u8; RX_SLOT_SIZE] {
    let mut bytes = [0; RX_SLOT_SIZE];
    bytes.copy_from_slice(RxResponse { id, offset: 0, flags, status }.as_bytes());
    bytes
}

fn gso_slot(packet: &Packet) -> Option<[u8; RX_SLOT_SIZE]> {
    let gso = packet.gso?;
    let kind = match gso.kind {
        GsoKind::TcpV4 => GSO_TCPV4,
        GsoKind::TcpV6 => GSO_TCPV6,
    };
    let mut data = [0; 6];
    data.copy_from_slice(GsoInfo { size: gso.segment_size, kind, _pad: 0, features: 0 }.as_bytes());
    let mut bytes = [0; RX_SLOT_SIZE];
    let extra = ExtraInfo { kind: ExtraType::Gso as u8, flags: 0, data };
    bytes.copy_from_slice(extra.as_bytes());
    Some(bytes)
}
