// SPDX-License-Identifier: MIT OR Apache-2.0
//! The switch as dom0's tasks share it, with a store of buffers that were used.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::task::Waker;

use dom0_core::network::switch::{AddressTaken, Counters, PortId, PortKind, QueueLimits, Switch};
use minios::net::link::{Capabilities, MAX_PACKET, Packet};
use minios::time::Instant;

/// Sizes of the buffers that are kept, and how many at most: for acknowledgements and the like,
/// for ordinary packets, and for large ones that stand for many segments.
const CLASSES: [(usize, usize); 3] = [(256, 512), (2048, 512), (MAX_PACKET, 16)];

/// The switch; a clone is the same.
#[derive(Clone, Default)]
pub(crate) struct Hub {
    switch: Rc<RefCell<Switch>>,
    buffers: Rc<RefCell<[Vec<Vec<u8>>; CLASSES.len()]>>,
}

impl Hub {
    /// A switch without ports.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// See [`Switch::add_port`].
    pub(super) fn add_port(
        &self,
        kind: PortKind,
        capabilities: Capabilities,
        limits: QueueLimits,
    ) -> Result<PortId, AddressTaken> {
        self.switch.borrow_mut().add_port(kind, capabilities, limits)
    }

    /// See [`Switch::remove_port`].
    pub(super) fn remove_port(&self, port: PortId) {
        self.switch.borrow_mut().remove_port(port);
    }

    /// See [`Switch::forward`].
    pub(super) fn forward(&self, from: PortId, packet: Packet) {
        self.switch.borrow_mut().forward(from, packet, Instant::now().as_micros());
    }

    /// See [`Switch::take`].
    pub(super) fn take(&self, port: PortId) -> Option<Packet> {
        self.switch.borrow_mut().take(port)
    }

    /// See [`Switch::take_if`].
    pub(super) fn take_if(
        &self,
        port: PortId,
        wanted: impl FnOnce(&Packet) -> bool,
    ) -> Option<Packet> {
        self.switch.borrow_mut().take_if(port, wanted)
    }

    /// Looks at the packet that is to be taken next.
    pub(super) fn front<T>(&self, port: PortId, look: impl FnOnce(&Packet) -> T) -> Option<T> {
        let mut seen = None;
        let _ = self.take_if(port, |packet| {
            seen = Some(look(packet));
            false
        });
        seen
    }

    /// Wakes `waker` when a packet comes for `port`; whether one is there already.
    pub(super) fn register(&self, port: PortId, waker: &Waker) -> bool {
        let mut switch = self.switch.borrow_mut();
        switch.register(port, waker);
        !switch.is_idle(port)
    }

    /// Wakes `waker` when senders need no longer wait; whether they need not now.
    pub(super) fn register_room(&self, waker: &Waker) -> bool {
        let mut switch = self.switch.borrow_mut();
        let room = !switch.is_congested();
        if !room {
            switch.register_room(waker);
        }
        room
    }

    /// See [`Switch::is_congested`].
    pub(super) fn is_congested(&self) -> bool {
        self.switch.borrow().is_congested()
    }

    /// A buffer of `len` bytes; what it holds is left over from earlier packets of anyone, so all
    /// of it is to be overwritten.
    pub(super) fn buffer(&self, len: usize) -> Vec<u8> {
        let Some(class) = CLASSES.iter().position(|(size, _)| len <= *size) else {
            return alloc::vec![0; len];
        };
        let kept = self.buffers.borrow_mut()[class].pop();
        let mut buffer = kept.unwrap_or_else(|| Vec::with_capacity(CLASSES[class].0));
        buffer.resize(len, 0);
        buffer
    }

    /// Takes a buffer back for later packets.
    pub(super) fn recycle(&self, packet: Packet) {
        let buffer = packet.into_bytes();
        let of_class = |(size, _): &(usize, usize)| buffer.capacity() == *size;
        let Some(class) = CLASSES.iter().position(of_class) else { return };
        let kept = &mut self.buffers.borrow_mut()[class];
        if kept.len() < CLASSES[class].1 {
            kept.push(buffer);
        }
    }

    /// All ports and what passed them.
    pub(super) fn ports(&self) -> Vec<(PortKind, Counters)> {
        self.switch.borrow().ports().map(|(_, kind, counters)| (kind, counters)).collect()
    }
}
