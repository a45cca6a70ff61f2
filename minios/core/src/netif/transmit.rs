// SPDX-License-Identifier: MIT OR Apache-2.0
//! Slots for a packet to send, over a fixed set of pages that the backend may read: one page a
//! slot, and an extra slot for a packet that stands for several segments.

use super::PAGE;
use crate::packet::{Checksum, Gso, GsoKind, MAX_PACKET, Packet};
use alloc::vec;
use alloc::vec::Vec;
use xen_abi::net::{
    ExtraInfo, ExtraType, GSO_TCPV4, GSO_TCPV6, GsoInfo, STATUS_NULL, TX_CSUM_BLANK,
    TX_DATA_VALIDATED, TX_EXTRA_INFO, TX_MORE_DATA, TxResponse,
};
use zerocopy::IntoBytes;

/// The most slots a packet takes: its pages and one extra slot.
pub const MAX_TX_SLOTS: usize = MAX_PACKET.div_ceil(PAGE) + 1;

/// One slot to fill in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxSlot {
    /// The packet's bytes from `from` on, `length` of them, go into page `page`, at its start.
    Data {
        /// Index of the page, which is also the request's id.
        page: u16,
        /// Where these bytes start in the packet.
        from: usize,
        /// How many they are.
        length: usize,
        /// The request's `size`: of the whole packet in the first slot.
        size: u16,
        /// The request's `flags`.
        flags: u16,
    },
    /// An extra slot with these contents.
    Extra(ExtraInfo),
}

/// The slots of one packet, in order.
pub type TxPlan = heapless::Vec<TxSlot, MAX_TX_SLOTS>;

/// The pages for sending, and which of them the backend has.
#[derive(Debug)]
pub struct TxPages {
    free: Vec<u16>,
    in_flight: Vec<bool>,
}

impl TxPages {
    /// `count` free pages.
    pub fn new(count: u16) -> Self {
        Self { free: (0..count).rev().collect(), in_flight: vec![false; usize::from(count)] }
    }

    /// How many pages are free.
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// How many pages the largest packet needs; fewer if there are not that many at all.
    pub fn enough(&self, largest: usize) -> bool {
        self.free.len() >= largest.div_ceil(PAGE).min(self.in_flight.len())
    }

    /// Takes pages for `packet` and plans its slots. `None`, and nothing taken, if there are not
    /// enough pages or the packet is empty or longer than any.
    pub fn plan(&mut self, packet: &Packet) -> Option<TxPlan> {
        let total = packet.len();
        let pages = total.div_ceil(PAGE);
        if pages == 0 || pages > self.free.len() || total > MAX_PACKET {
            return None;
        }
        // A request's size has 16 bits; a packet that needs more cannot be named.
        let total_size = u16::try_from(total).ok()?;
        let mut plan = TxPlan::new();
        let mut from = 0;
        while from < total {
            let page = self.free.pop()?;
            self.in_flight[usize::from(page)] = true;
            let length = (total - from).min(PAGE);
            let first = from == 0;
            let more = if from + length < total { TX_MORE_DATA } else { 0 };
            let size = if first { total_size } else { u16::try_from(length).ok()? };
            let flags = more | if first { packet_flags(packet) } else { 0 };
            plan.push(TxSlot::Data { page, from, length, size, flags }).ok()?;
            if let (true, Some(gso)) = (first, packet.gso) {
                plan.push(TxSlot::Extra(extra(gso))).ok()?;
            }
            from += length;
        }
        Some(plan)
    }

    /// Takes a response. `Ok(true)` if the backend sent the page's bytes, `Ok(false)` if it
    /// failed to or the response belongs to an extra slot; an error if the id is not under way.
    pub fn complete(&mut self, response: TxResponse) -> Result<bool, UnknownId> {
        if response.status == STATUS_NULL {
            return Ok(true);
        }
        let flag = self.in_flight.get_mut(usize::from(response.id)).ok_or(UnknownId)?;
        if !core::mem::take(flag) {
            return Err(UnknownId);
        }
        self.free.push(response.id);
        Ok(response.status == 0)
    }
}

/// A response to a request that is not under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownId;

fn packet_flags(packet: &Packet) -> u16 {
    let checksum = match packet.checksum {
        Checksum::Partial { .. } => TX_CSUM_BLANK | TX_DATA_VALIDATED,
        Checksum::Valid => TX_DATA_VALIDATED,
        Checksum::None => 0,
    };
    checksum | if packet.gso.is_some() { TX_EXTRA_INFO } else { 0 }
}

fn extra(gso: Gso) -> ExtraInfo {
    let kind = match gso.kind {
        GsoKind::TcpV4 => GSO_TCPV4,
        GsoKind::TcpV6 => GSO_TCPV6,
    };
    let info = GsoInfo { size: gso.segment_size, kind, ..GsoInfo::default() };
    let mut data = [0; 6];
    data.copy_from_slice(info.as_bytes());
    ExtraInfo { kind: ExtraType::Gso as u8, flags: 0, data }
}
