// SPDX-License-Identifier: MIT OR Apache-2.0
//! A packet that a frontend sends: a chain of slots, taken apart.

use heapless::Vec;
use minios_core::packet::{ETHERNET_HEADER, Gso, GsoKind, MAX_PACKET};
use xen_abi::grant_table::GrantRef;
use xen_abi::net::{
    EXTRA_FLAG_MORE, ExtraInfo, ExtraType, GSO_TCPV4, GSO_TCPV6, GsoInfo, MAX_SLOTS, STATUS_ERROR,
    STATUS_NULL, STATUS_OKAY, TX_CSUM_BLANK, TX_DATA_VALIDATED, TX_EXTRA_INFO, TX_MORE_DATA,
    TX_SLOT_SIZE, TxRequest, TxResponse,
};
use zerocopy::{FromBytes, IntoBytes};

use super::features::SLOT_BYTES;

/// Bytes of a response.
pub const TX_RESPONSE_SIZE: usize = 4;
/// Extra slots of one packet at most: there are no more kinds.
const MAX_EXTRAS: usize = 5;
/// All slots of one packet at most.
const MAX_CHAIN: usize = MAX_SLOTS + MAX_EXTRAS;

/// A piece of a packet in a page of the frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The page.
    pub gref: GrantRef,
    /// Where in the page.
    pub offset: u16,
    /// Bytes; the piece ends inside the page.
    pub len: u16,
}

/// A packet, checked as far as its slots tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxPacket {
    /// Where its bytes are, in order.
    pub fragments: Vec<Fragment, MAX_SLOTS>,
    /// All bytes.
    pub len: usize,
    /// The checksum is to be filled in.
    pub checksum_blank: bool,
    /// The frontend says that the checksum is good.
    pub validated: bool,
    /// How to cut it.
    pub gso: Option<Gso>,
}

/// Why a packet was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// More slots than a packet may have, or the rest of such a one.
    TooManySlots,
    /// The size of the whole and of the parts do not agree, or are none of a packet.
    Size,
    /// A part that leaves its page.
    CrossesPage,
    /// An extra slot that means nothing.
    Extra,
}

/// A chain of slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxChain {
    /// The packet it holds.
    pub packet: Result<TxPacket, Reject>,
    /// A slot each: its id, or `None` for an extra slot.
    answers: Vec<Option<u16>, MAX_CHAIN>,
}

impl TxChain {
    /// The number of slots.
    #[must_use]
    pub fn slots(&self) -> u32 {
        u32::try_from(self.answers.len()).unwrap_or(u32::MAX)
    }

    /// The responses to all slots: sent, or failed.
    pub fn responses(&self, sent: bool) -> impl Iterator<Item = [u8; TX_RESPONSE_SIZE]> {
        let status = if sent { STATUS_OKAY } else { STATUS_ERROR };
        self.answers.iter().map(move |id| match id {
            Some(id) => response(*id, status),
            None => response(0, STATUS_NULL),
        })
    }
}

fn response(id: u16, status: i16) -> [u8; TX_RESPONSE_SIZE] {
    let mut bytes = [0; TX_RESPONSE_SIZE];
    bytes.copy_from_slice(TxResponse { id, status }.as_bytes());
    bytes
}

/// Takes chains off a transmit ring.
#[derive(Clone, Copy, Debug, Default)]
pub struct TxParser {
    /// The last chain was too long, and what follows belongs to it still.
    discarding: bool,
}

impl TxParser {
    /// The chain at the front of `available` requests, which `request` copies out of the ring:
    /// each is copied once. `None` if the end of the chain is not there yet.
    pub fn next(
        &mut self,
        available: u32,
        request: impl Fn(u32) -> [u8; TX_SLOT_SIZE],
    ) -> Option<TxChain> {
        let mut slots = Slots { available, request, answers: Vec::new() };
        if self.discarding {
            self.discarding = slots.skip();
            let answers = slots.answers;
            let packet = Err(Reject::TooManySlots);
            return (!answers.is_empty()).then_some(TxChain { packet, answers });
        }
        let first = slots.request()?;
        let gso = match slots.extras(first.flags & TX_EXTRA_INFO != 0) {
            Ok(gso) => Ok(gso),
            Err(Stop::Incomplete) => return None,
            Err(Stop::Reject(reject)) => Err(reject),
        };
        let mut parts: Vec<TxRequest, MAX_SLOTS> = Vec::new();
        let mut part = first;
        loop {
            if parts.push(part).is_err() {
                unreachable!("the loop ends before");
            }
            if part.flags & TX_MORE_DATA == 0 {
                break;
            }
            if parts.is_full() {
                self.discarding = true;
                let packet = Err(Reject::TooManySlots);
                return Some(TxChain { packet, answers: slots.answers });
            }
            part = slots.request()?;
        }
        let packet = gso.and_then(|gso| assemble(&parts, gso));
        Some(TxChain { packet, answers: slots.answers })
    }
}

enum Stop {
    Incomplete,
    Reject(Reject),
}

/// The requests that wait, and the answers to those that were read.
struct Slots<F> {
    available: u32,
    request: F,
    answers: Vec<Option<u16>, MAX_CHAIN>,
}

impl<F: Fn(u32) -> [u8; TX_SLOT_SIZE]> Slots<F> {
    fn next(&self) -> Option<[u8; TX_SLOT_SIZE]> {
        let index = u32::try_from(self.answers.len()).ok()?;
        (index < self.available && !self.answers.is_full()).then(|| (self.request)(index))
    }

    fn request(&mut self) -> Option<TxRequest> {
        let request = TxRequest::read_from_bytes(&self.next()?).ok()?;
        self.answers.push(Some(request.id)).ok()?;
        Some(request)
    }

    /// Reads extra slots while there are some, and returns what they say of segmentation.
    fn extras(&mut self, mut more: bool) -> Result<Option<Gso>, Stop> {
        let mut result = Ok(None);
        for _ in 0..MAX_EXTRAS {
            if !more {
                return result.map_err(Stop::Reject);
            }
            let bytes = self.next().ok_or(Stop::Incomplete)?;
            self.answers.push(None).map_err(|_| Stop::Incomplete)?;
            let (extra, _) = ExtraInfo::read_from_prefix(&bytes).map_err(|_| Stop::Incomplete)?;
            more = extra.flags & EXTRA_FLAG_MORE != 0;
            match ExtraType::try_from(extra.kind) {
                Ok(ExtraType::Gso) => result = result.and_then(|_| gso(extra.data).map(Some)),
                Ok(ExtraType::Hash) => {}
                _ => result = Err(Reject::Extra),
            }
        }
        if more { Err(Stop::Reject(Reject::Extra)) } else { result.map_err(Stop::Reject) }
    }

    /// Reads the rest of a chain; returns whether there is still more.
    fn skip(&mut self) -> bool {
        while let Some(request) = self.request() {
            if request.flags & TX_MORE_DATA == 0 {
                return false;
            }
        }
        true
    }
}

fn gso(data: [u8; 6]) -> Result<Gso, Reject> {
    let info = GsoInfo::read_from_bytes(&data).map_err(|_| Reject::Extra)?;
    let kind = match info.kind {
        GSO_TCPV4 => GsoKind::TcpV4,
        GSO_TCPV6 => GsoKind::TcpV6,
        _ => return Err(Reject::Extra),
    };
    if info.size == 0 {
        return Err(Reject::Extra);
    }
    Ok(Gso { segment_size: info.size, kind })
}

/// The first part's size is that of the whole.
fn assemble(parts: &[TxRequest], gso: Option<Gso>) -> Result<TxPacket, Reject> {
    let (first, others) = parts.split_first().ok_or(Reject::Size)?;
    let len = usize::from(first.size);
    let rest: usize = others.iter().map(|part| usize::from(part.size)).sum();
    let first_len = len.checked_sub(rest).ok_or(Reject::Size)?;
    if !(ETHERNET_HEADER..=MAX_PACKET).contains(&len) {
        return Err(Reject::Size);
    }
    let mut fragments = Vec::new();
    let lengths = [first_len].into_iter().chain(others.iter().map(|part| usize::from(part.size)));
    for (part, len) in parts.iter().zip(lengths) {
        if usize::from(part.offset) + len > SLOT_BYTES {
            return Err(Reject::CrossesPage);
        }
        let len = u16::try_from(len).map_err(|_| Reject::Size)?;
        if len > 0 {
            let fragment = Fragment { gref: part.gref, offset: part.offset, len };
            fragments.push(fragment).map_err(|_| Reject::TooManySlots)?;
        }
    }
    Ok(TxPacket {
        fragments,
        len,
        checksum_blank: first.flags & TX_CSUM_BLANK != 0,
        validated: first.flags & TX_DATA_VALIDATED != 0,
        gso,
    })
}
