// SPDX-License-Identifier: MIT OR Apache-2.0
//! A learning Ethernet switch.
//!
//! A port is a *station*, which has one address and may send from no other, or an *uplink*, behind
//! which any address may be except those of the stations. So no domU can take the place of another,
//! of dom0 or of what is behind an uplink. Addresses behind uplinks are learned. A packet for an
//! unknown address goes to the uplinks alone, as the stations are all known; one for a group goes
//! to every port. Nothing goes back where it came from.
//!
//! Each port has a queue with a bound of its own: a port that takes nothing loses its packets and
//! harms nobody. Acknowledgements that wait there behind each other become fewer.

mod acknowledgement;
mod mac_table;
mod port;
#[cfg(test)]
mod tests;

pub use mac_table::MacTable;
pub use port::{Counters, PortKind, QueueLimits};

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::task::Waker;

use minios_core::link::Capabilities;
use minios_core::mac_address::MacAddress;
use minios_core::packet::{ETHERNET_HEADER, Packet};
use port::Port;

use crate::network::segmentation::segments;

/// The largest IP packet, in bytes, that is not cut into segments on its way.
pub const MTU: usize = 1500;
/// The largest packet without segments: with an Ethernet header and a VLAN tag.
const MAX_FRAME: usize = MTU + ETHERNET_HEADER + 4;

/// Names a port; never used again after the port's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortId(u64);

/// Somebody has this address already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressTaken;

/// Where a packet goes.
enum Way {
    /// To one port.
    Port(PortId),
    /// To all uplinks.
    Uplinks,
    /// To all ports.
    All,
    /// Nowhere.
    Nowhere,
}

/// The switch. Times are microseconds since any fixed point.
#[derive(Default)]
pub struct Switch {
    ports: BTreeMap<PortId, Port>,
    stations: BTreeMap<MacAddress, PortId>,
    learned: MacTable,
    next_id: u64,
    waiting_for_room: Vec<Waker>,
}

impl Switch {
    /// A switch without ports.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a port, which takes over from the senders what `capabilities` say.
    ///
    /// # Errors
    /// If another station has the address.
    pub fn add_port(
        &mut self,
        kind: PortKind,
        capabilities: Capabilities,
        limits: QueueLimits,
    ) -> Result<PortId, AddressTaken> {
        let id = PortId(self.next_id);
        if let PortKind::Station(mac) = kind {
            if !mac.is_unicast() || self.stations.contains_key(&mac) {
                return Err(AddressTaken);
            }
            self.stations.insert(mac, id);
            self.learned.forget(mac);
        }
        self.next_id += 1;
        self.ports.insert(id, Port::new(kind, capabilities, limits));
        Ok(id)
    }

    /// Takes a port out, with its queue and all that was learned from it.
    pub fn remove_port(&mut self, id: PortId) {
        self.ports.remove(&id);
        self.stations.retain(|_, port| *port != id);
        self.learned.forget_port(id);
        self.wake_room();
    }

    /// Takes a packet that came in at a port to the queues of those it is for.
    pub fn forward(&mut self, from: PortId, packet: Packet, now_us: u64) {
        let Some(port) = self.ports.get_mut(&from) else { return };
        port.counters.received += 1;
        port.counters.received_bytes += packet.len() as u64;
        let (Some(destination), Some(source)) = (packet.destination(), packet.source()) else {
            port.counters.malformed += 1;
            return;
        };
        let fits = match packet.gso {
            None => packet.len() <= MAX_FRAME,
            Some(_) => segments(&packet).is_some(),
        };
        if !source.is_unicast() || !fits {
            port.counters.malformed += 1;
            return;
        }
        let spoofed = match port.kind {
            PortKind::Station(mac) => source != mac,
            PortKind::Uplink => self.stations.contains_key(&source),
        };
        if spoofed {
            port.counters.spoofed += 1;
            return;
        }
        if port.kind == PortKind::Uplink {
            self.learned.learn(source, from, now_us);
        }
        match self.way(destination, from, now_us) {
            Way::Port(to) => self.enqueue(to, packet),
            Way::Uplinks => self.flood(from, packet, |kind| kind == PortKind::Uplink),
            Way::All => self.flood(from, packet, |_| true),
            Way::Nowhere => {}
        }
    }

    fn way(&self, destination: MacAddress, from: PortId, now_us: u64) -> Way {
        if destination.is_multicast() {
            return Way::All;
        }
        let known = self.stations.get(&destination).copied();
        match known.or_else(|| self.learned.find(destination, now_us)) {
            Some(port) if port == from => Way::Nowhere,
            Some(port) => Way::Port(port),
            None => Way::Uplinks,
        }
    }

    fn flood(&mut self, from: PortId, packet: Packet, chosen: impl Fn(PortKind) -> bool) {
        let mut rest = self.ports.iter_mut().filter(|(id, port)| **id != from && chosen(port.kind));
        let Some((_, last)) = rest.next_back() else { return };
        for (_, port) in rest {
            port.enqueue(packet.clone());
        }
        last.enqueue(packet);
    }

    fn enqueue(&mut self, to: PortId, packet: Packet) {
        if let Some(port) = self.ports.get_mut(&to) {
            port.enqueue(packet);
        }
    }

    /// Takes the oldest packet out of a port's queue.
    pub fn take(&mut self, id: PortId) -> Option<Packet> {
        self.take_if(id, |_| true)
    }

    /// Takes the oldest packet out of a port's queue if `wanted` says so.
    pub fn take_if(&mut self, id: PortId, wanted: impl FnOnce(&Packet) -> bool) -> Option<Packet> {
        let port = self.ports.get_mut(&id)?;
        let was_congested = port.is_congested();
        let packet = port.dequeue(wanted)?;
        if was_congested && !port.is_congested() {
            self.wake_room();
        }
        Some(packet)
    }

    /// Whether a port's queue is empty.
    #[must_use]
    pub fn is_idle(&self, id: PortId) -> bool {
        self.ports.get(&id).is_none_or(Port::is_empty)
    }

    /// Wakes `waker` once when a packet comes into the empty queue of a port.
    pub fn register(&mut self, id: PortId, waker: &Waker) {
        if let Some(port) = self.ports.get_mut(&id) {
            port.register(waker);
        }
    }

    /// Whether an uplink's queue is more than half full: senders that can wait should. A station
    /// that takes nothing makes nobody wait.
    #[must_use]
    pub fn is_congested(&self) -> bool {
        self.ports.values().any(Port::is_congested)
    }

    /// Wakes `waker` once when the switch may be no longer congested.
    pub fn register_room(&mut self, waker: &Waker) {
        if !self.waiting_for_room.iter().any(|waiting| waiting.will_wake(waker)) {
            self.waiting_for_room.push(waker.clone());
        }
    }

    fn wake_room(&mut self) {
        for waker in self.waiting_for_room.drain(..) {
            waker.wake();
        }
    }

    /// What passed a port.
    #[must_use]
    pub fn counters(&self, id: PortId) -> Option<Counters> {
        Some(self.ports.get(&id)?.counters)
    }

    /// All ports, in the order they were added.
    pub fn ports(&self) -> impl Iterator<Item = (PortId, PortKind, Counters)> {
        self.ports.iter().map(|(id, port)| (*id, port.kind, port.counters))
    }
}
