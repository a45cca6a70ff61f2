// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the switch into the pages that the frontend offers on its receive ring.

use alloc::vec::Vec;

use dom0_core::network::netback::{RxFill, fill, slots_needed};
use minios::grant_table::{self, CopyOp, GrantStatus};
use minios::net::link::Packet;

use super::connection::{Connection, Fault};

/// Packets delivered before others have their turn.
const BATCH: usize = 64;

impl Connection {
    /// Delivers a batch of packets, as far as the frontend has offered pages; returns how many.
    pub(super) fn receive(&mut self) -> Result<usize, Fault> {
        let mut available = None;
        let mut batch: Vec<(Packet, RxFill)> = Vec::new();
        while batch.len() < BATCH {
            // The ring is looked at only if there is a packet.
            let rx = &self.rx;
            let mut corrupt = None;
            let packet = self.hub.take_if(self.port, |packet| {
                let slots = match available.map_or_else(|| rx.available(), Ok) {
                    Ok(slots) => slots,
                    Err(error) => {
                        corrupt = Some(error);
                        return false;
                    }
                };
                available = Some(slots);
                slots_needed(packet) <= slots
            });
            if let Some(corrupt) = corrupt {
                return Err(corrupt.into());
            }
            let Some(packet) = packet else { break };
            let Some(filled) = fill(&packet, |ahead| self.rx.peek(ahead)) else {
                continue;
            };
            let slots = slots_needed(&packet);
            self.rx.consume(slots);
            available = available.map(|available| available - slots);
            batch.push((packet, filled));
        }
        if batch.is_empty() {
            return Ok(0);
        }
        self.deliver(&batch);
        let count = batch.len();
        for (packet, _) in batch {
            self.hub.recycle(packet);
        }
        Ok(count)
    }

    /// Copies the packets with one hypercall, and answers the requests they took.
    fn deliver(&mut self, batch: &[(Packet, RxFill)]) {
        let mut ops = Vec::with_capacity(batch.len() * 2);
        for (packet, filled) in batch {
            for slot in &filled.copies {
                let part = packet.bytes().get(slot.start..slot.start + usize::from(slot.len));
                ops.push(CopyOp::write(self.domain, slot.gref, 0, part.unwrap_or(&[])));
            }
        }
        if let Err(error) = grant_table::copy(&mut ops) {
            log::error!("grant copy: {error:?}");
        }
        let mut results = ops.iter().map(|op| op.status == GrantStatus::OKAY);
        for (_, filled) in batch {
            let copies = filled.copies.len();
            if results.by_ref().take(copies).filter(|ok| !ok).count() == 0 {
                for response in &filled.responses {
                    self.rx.respond(response);
                }
            } else {
                self.faults.bad_grants += 1;
                for response in filled.failed() {
                    self.rx.respond(&response);
                }
            }
        }
    }

    /// How many requests the next packet is waiting for.
    pub(super) fn slots_wanted(&self) -> u32 {
        self.hub.front(self.port, slots_needed).unwrap_or(1)
    }
}
