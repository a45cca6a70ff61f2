// SPDX-License-Identifier: MIT OR Apache-2.0
//! Putting received slots together. The first slot's flags speak for the packet; its extra
//! slots follow it at once, then the rest of the data.

use super::PAGE;
use crate::packet::{Checksum, ETHERNET_HEADER, Gso, GsoKind, MAX_PACKET, Packet};
use alloc::vec::Vec;
use xen_abi::net::{
    EXTRA_FLAG_MORE, ExtraInfo, ExtraType, GSO_TCPV4, GSO_TCPV6, GsoInfo, RX_CSUM_BLANK,
    RX_DATA_VALIDATED, RX_EXTRA_INFO, RX_MORE_DATA, RxResponse,
};
use zerocopy::{FromBytes, IntoBytes};

/// What was wrong with a slot, or with the packet it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSlot {
    /// The backend reported an error; not a lie, but no packet either.
    Status(i16),
    /// The data leaves its page.
    Range,
    /// The response names another buffer than the one at its place.
    Id,
    /// More bytes than any packet has, or too few for an Ethernet header.
    Length,
    /// An extra slot of an unknown kind, or segments of size 0.
    Extra,
    /// A blank checksum in something that has none.
    Checksum,
}

/// The packet that is being put together.
#[derive(Debug, Default)]
pub struct Assembler {
    /// The packet's bytes, and behind them what the buffer held before.
    bytes: Vec<u8>,
    length: usize,
    /// Flags of the first slot; `None` before it.
    flags: Option<u16>,
    gso: Option<Gso>,
    bad: Option<BadSlot>,
    extra_follows: bool,
    more_data: bool,
}

impl Assembler {
    /// Takes the next response. `id` is that of the buffer posted at the response's place; `read`
    /// copies bytes out of that buffer from an offset that was checked; `buffer` gives a buffer for
    /// a new packet, whatever is in it, and is told whether the packet has more slots of data.
    /// Returns a packet, or why there is none, when this slot ends one.
    pub fn slot(
        &mut self,
        response: RxResponse,
        id: u16,
        buffer: impl FnOnce(bool) -> Vec<u8>,
        read: impl FnOnce(usize, &mut [u8]),
    ) -> Option<Result<Packet, BadSlot>> {
        if self.extra_follows {
            self.extra(response);
        } else {
            if self.flags.is_none() {
                self.bytes = buffer(response.flags & RX_MORE_DATA != 0);
                self.flags = Some(response.flags);
                self.extra_follows = response.flags & RX_EXTRA_INFO != 0;
            }
            self.more_data = response.flags & RX_MORE_DATA != 0;
            if let Err(bad) = self.data(response, id, read) {
                self.bad.get_or_insert(bad);
            }
        }
        let done = !self.extra_follows && !self.more_data;
        done.then(|| core::mem::take(self).finish())
    }

    fn data(
        &mut self,
        response: RxResponse,
        id: u16,
        read: impl FnOnce(usize, &mut [u8]),
    ) -> Result<(), BadSlot> {
        let length =
            usize::try_from(response.status).map_err(|_| BadSlot::Status(response.status))?;
        let offset = usize::from(response.offset);
        if response.id != id {
            return Err(BadSlot::Id);
        }
        if offset + length > PAGE {
            return Err(BadSlot::Range);
        }
        let end = self.length + length;
        if end > MAX_PACKET {
            return Err(BadSlot::Length);
        }
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        read(offset, &mut self.bytes[self.length..end]);
        self.length = end;
        Ok(())
    }

    fn extra(&mut self, response: RxResponse) {
        let Ok(extra) = ExtraInfo::read_from_bytes(response.as_bytes()) else { return };
        self.extra_follows = extra.flags & EXTRA_FLAG_MORE != 0;
        match ExtraType::try_from(extra.kind) {
            Ok(ExtraType::Gso) => match segments(&extra) {
                Some(gso) => self.gso = Some(gso),
                None => self.bad = Some(BadSlot::Extra),
            },
            // Not negotiated, and harmless.
            Ok(ExtraType::Hash | ExtraType::Xdp) => {}
            _ => self.bad = Some(BadSlot::Extra),
        }
    }

    fn finish(mut self) -> Result<Packet, BadSlot> {
        if let Some(bad) = self.bad {
            return Err(bad);
        }
        self.bytes.truncate(self.length);
        if self.bytes.len() < ETHERNET_HEADER {
            return Err(BadSlot::Length);
        }
        let flags = self.flags.unwrap_or(0);
        let mut packet = Packet::new(self.bytes);
        packet.gso = self.gso;
        if flags & RX_CSUM_BLANK != 0 {
            if !packet.mark_partial() {
                return Err(BadSlot::Checksum);
            }
        } else if flags & RX_DATA_VALIDATED != 0 {
            packet.checksum = Checksum::Valid;
        }
        Ok(packet)
    }
}

fn segments(extra: &ExtraInfo) -> Option<Gso> {
    let info = GsoInfo::read_from_bytes(&extra.data).ok()?;
    let kind = match info.kind {
        GSO_TCPV4 => GsoKind::TcpV4,
        GSO_TCPV6 => GsoKind::TcpV6,
        _ => return None,
    };
    (info.size != 0).then_some(Gso { segment_size: info.size, kind })
}
