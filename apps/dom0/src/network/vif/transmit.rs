// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the frontend's transmit ring into the switch.

use alloc::vec::Vec;

use dom0_core::network::netback::{TxChain, TxPacket};
use minios::DomId;
use minios::grant_table::{self, CopyOp, GrantStatus};
use minios::net::link::{GsoKind, NetworkLayer, Packet};

use super::connection::{Connection, Fault};

/// Packets taken off the ring before others have their turn.
const BATCH: usize = 64;

/// A chain, and the buffer that its bytes are copied to.
struct Pending {
    chain: TxChain,
    buffer: Vec<u8>,
    copied: bool,
}

impl Connection {
    /// Takes a batch of packets off the ring, unless the uplink is behind; returns how many.
    pub(super) fn transmit(&mut self) -> Result<usize, Fault> {
        if self.hub.is_congested() {
            return Ok(0);
        }
        let mut batch = self.take_chains()?;
        if batch.is_empty() {
            return Ok(0);
        }
        copy_all(self.domain, &mut batch);
        let count = batch.len();
        for Pending { chain, buffer, copied } in batch {
            let sent = match &chain.packet {
                Ok(packet) if copied => self.forward(packet, buffer),
                Ok(_) => {
                    self.faults.bad_grants += 1;
                    false
                }
                Err(_) => {
                    self.faults.bad_chains += 1;
                    false
                }
            };
            for response in chain.responses(sent) {
                self.tx.respond(&response);
            }
        }
        Ok(count)
    }

    fn take_chains(&mut self) -> Result<Vec<Pending>, Fault> {
        let mut available = self.tx.available()?;
        let mut batch = Vec::new();
        while batch.len() < BATCH && available > 0 {
            let tx = &self.tx;
            let Some(chain) = self.parser.next(available, |ahead| tx.peek(ahead)) else {
                break;
            };
            self.tx.consume(chain.slots());
            available = available.saturating_sub(chain.slots());
            let len = chain.packet.as_ref().map_or(0, |packet| packet.len);
            let buffer = self.hub.buffer(len);
            batch.push(Pending { chain, buffer, copied: true });
        }
        self.unfinished = if batch.len() < BATCH { available } else { 0 };
        Ok(batch)
    }

    /// Gives a packet to the switch; false if its offloads make no sense.
    fn forward(&mut self, from: &TxPacket, buffer: Vec<u8>) -> bool {
        let mut packet = Packet::new(buffer);
        if from.checksum_blank || from.gso.is_some() {
            let network = packet.headers().map(|headers| headers.network);
            let agrees = from.gso.is_none_or(|gso| match gso.kind {
                GsoKind::TcpV4 => network == Some(NetworkLayer::Ipv4),
                GsoKind::TcpV6 => network == Some(NetworkLayer::Ipv6),
            });
            if !agrees || !packet.mark_partial() {
                self.faults.bad_offloads += 1;
                return false;
            }
        }
        packet.gso = from.gso;
        self.hub.forward(self.port, packet);
        true
    }
}

/// Copies the bytes of all packets with one hypercall.
fn copy_all(domain: DomId, batch: &mut [Pending]) {
    let mut ops = Vec::with_capacity(batch.len() * 2);
    let mut counts = Vec::with_capacity(batch.len());
    for Pending { chain, buffer, .. } in batch.iter_mut() {
        let before = ops.len();
        let mut rest = buffer.as_mut_slice();
        for fragment in chain.packet.iter().flat_map(|packet| &packet.fragments) {
            let Some((part, tail)) = rest.split_at_mut_checked(fragment.len.into()) else { break };
            ops.push(CopyOp::read(domain, fragment.gref, fragment.offset, part));
            rest = tail;
        }
        counts.push(ops.len() - before);
    }
    if let Err(error) = grant_table::copy(&mut ops) {
        log::error!("grant copy: {error:?}");
    }
    let mut results = ops.iter().map(|op| op.status == GrantStatus::OKAY);
    let copied: Vec<bool> = counts
        .into_iter()
        .map(|count| results.by_ref().take(count).filter(|ok| !ok).count() == 0)
        .collect();
    for (pending, copied) in batch.iter_mut().zip(copied) {
        pending.copied = copied;
    }
}
