// SPDX-License-Identifier: MIT OR Apache-2.0
//! The receive ring and its pages.

use super::buffers::Buffers;
use super::counters::count;
use super::granted_pages::GrantedPages;
use crate::memory::SharedPages;
use crate::{DomId, Errno, GrantRef};
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;
use minios_core::link::LinkCounters;
use minios_core::netif::{Assembler, BadSlot};
use minios_core::packet::Packet;
use minios_core::ring::FrontRing;
use xen_abi::net::{RX_SLOT_SIZE, RxRequest, RxResponse};

/// Bytes of a buffer for a packet that comes in one slot.
const ORDINARY: usize = 2048;

pub(super) struct Receiver {
    ring: FrontRing<SharedPages>,
    ring_page: GrantedPages,
    pages: GrantedPages,
    /// Which page is posted at which place of the ring. Responses come in the order of requests.
    posted: Vec<u16>,
    assembler: Assembler,
    /// The backend's index cannot be: nothing it says from then on is looked at.
    broken: bool,
}

impl Receiver {
    /// A ring with `count` pages posted, all for `backend` to write.
    pub(super) fn new(backend: DomId, count: u16) -> Result<Self, Errno> {
        let ring_page = GrantedPages::new(backend, 1, false)?;
        let ring = FrontRing::new(ring_page.pages().clone(), RX_SLOT_SIZE);
        let mut receiver = Self {
            posted: vec![0; ring.size() as usize],
            ring,
            ring_page,
            pages: GrantedPages::new(backend, count, false)?,
            assembler: Assembler::default(),
            broken: false,
        };
        for id in 0..count {
            receiver.post(id);
        }
        receiver.ring.publish();
        Ok(receiver)
    }

    /// The grant of the ring's page.
    pub(super) fn ring_ref(&self) -> GrantRef {
        self.ring_page.reference(0)
    }

    fn post(&mut self, id: u16) {
        let gref = self.pages.reference(id);
        if let Some(index) = self.ring.produce(&RxRequest { id, _pad: 0, gref }) {
            let place = index as usize & (self.posted.len() - 1);
            self.posted[place] = id;
        }
    }

    /// The next packet that is whole and right.
    pub(super) fn receive(
        &mut self,
        buffers: &mut Buffers,
        counters: &Cell<LinkCounters>,
    ) -> Option<Packet> {
        while !self.broken {
            let Ok(response) = self.ring.consume::<RxResponse>() else {
                self.broken = true;
                count(counters, |it| it.bad_slots += 1);
                return None;
            };
            let (index, response) = response?;
            let id = self.posted[index as usize & (self.posted.len() - 1)];
            let pages = &self.pages;
            let result = self.assembler.slot(
                response,
                id,
                |more| if more { buffers.take_grown() } else { buffers.take(ORDINARY) },
                |offset, to| pages.read(id, offset, to),
            );
            self.post(id);
            match result {
                None => {}
                Some(Ok(packet)) => {
                    count(counters, |it| {
                        it.received_packets += 1;
                        it.received_bytes += packet.len() as u64;
                    });
                    return Some(packet);
                }
                Some(Err(BadSlot::Status(_))) => count(counters, |it| it.receive_errors += 1),
                Some(Err(_)) => count(counters, |it| it.bad_slots += 1),
            }
        }
        None
    }

    /// Shows new requests to the backend; true if it wants to be notified.
    pub(super) fn publish(&mut self) -> bool {
        self.ring.publish()
    }

    /// Asks for an event at the next packet; true if one is there already.
    pub(super) fn rearm(&mut self) -> bool {
        !self.broken && self.ring.rearm()
    }
}
