// SPDX-License-Identifier: MIT OR Apache-2.0
//! The transmit ring and its pages.

use super::counters::count;
use super::granted_pages::GrantedPages;
use crate::memory::SharedPages;
use crate::{DomId, Errno, GrantRef};
use core::cell::Cell;
use minios_core::link::LinkCounters;
use minios_core::netif::{MAX_TX_SLOTS, TxPages, TxSlot};
use minios_core::packet::Packet;
use minios_core::ring::FrontRing;
use xen_abi::net::{ExtraInfo, TX_SLOT_SIZE, TxRequest, TxResponse};
use zerocopy::{Immutable, IntoBytes};

/// An extra slot as it stands in the transmit ring.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct ExtraSlot {
    extra: ExtraInfo,
    unused: [u8; TX_SLOT_SIZE - 8],
}

pub(super) struct Transmitter {
    ring: FrontRing<SharedPages>,
    ring_page: GrantedPages,
    pages: GrantedPages,
    state: TxPages,
    largest: usize,
    full: bool,
    /// The backend's index cannot be: nothing it says from then on is looked at.
    broken: bool,
}

impl Transmitter {
    /// A ring with `count` pages for packets, all for `backend` to read.
    pub(super) fn new(backend: DomId, count: u16, largest: usize) -> Result<Self, Errno> {
        let ring_page = GrantedPages::new(backend, 1, false)?;
        Ok(Self {
            pages: GrantedPages::new(backend, count, true)?,
            state: TxPages::new(count),
            ring: FrontRing::new(ring_page.pages().clone(), TX_SLOT_SIZE),
            ring_page,
            largest,
            full: false,
            broken: false,
        })
    }

    /// The grant of the ring's page.
    pub(super) fn ring_ref(&self) -> GrantRef {
        self.ring_page.reference(0)
    }

    /// Whether the largest packet finds room.
    pub(super) fn has_room(&mut self, counters: &Cell<LinkCounters>) -> bool {
        if !self.is_enough() {
            self.reclaim(counters);
        }
        self.full = !self.is_enough();
        !self.full
    }

    fn is_enough(&self) -> bool {
        self.state.enough(self.largest) && self.ring.free() as usize >= MAX_TX_SLOTS
    }

    /// Puts a packet into the ring; without room it is dropped and counted.
    pub(super) fn transmit(&mut self, packet: &Packet, counters: &Cell<LinkCounters>) {
        let plan = if self.has_room(counters) { self.state.plan(packet) } else { None };
        let Some(plan) = plan else {
            count(counters, |it| it.transmit_drops += 1);
            return;
        };
        for slot in &plan {
            match *slot {
                TxSlot::Data { page: id, from, length, size, flags } => {
                    self.pages.write(id, &packet.bytes()[from..from + length]);
                    let gref = self.pages.reference(id);
                    self.ring.produce(&TxRequest { gref, offset: 0, flags, id, size });
                }
                TxSlot::Extra(extra) => {
                    self.ring.produce(&ExtraSlot { extra, unused: [0; TX_SLOT_SIZE - 8] });
                }
            }
        }
        count(counters, |it| {
            it.transmitted_packets += 1;
            it.transmitted_bytes += packet.len() as u64;
        });
    }

    /// Takes back the pages that the backend is done with.
    fn reclaim(&mut self, counters: &Cell<LinkCounters>) {
        while !self.broken {
            match self.ring.consume::<TxResponse>() {
                Ok(None) => return,
                Ok(Some((_, response))) => match self.state.complete(response) {
                    Ok(true) => {}
                    Ok(false) => count(counters, |it| it.transmit_errors += 1),
                    Err(_) => count(counters, |it| it.bad_slots += 1),
                },
                Err(_) => {
                    self.broken = true;
                    count(counters, |it| it.bad_slots += 1);
                }
            }
        }
    }

    /// Shows new requests to the backend; true if it wants to be notified.
    pub(super) fn publish(&mut self) -> bool {
        self.ring.publish()
    }

    /// Asks for an event when there is room again, if there was none; true if there may be room.
    pub(super) fn rearm(&mut self) -> bool {
        self.full && !self.broken && self.ring.rearm()
    }
}
