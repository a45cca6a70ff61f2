// SPDX-License-Identifier: MIT OR Apache-2.0
//! The switch as dom0's tasks share it, with a store of buffers that were used.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::task::Waker;

use dom0_core::network::switch::{AddressTaken, Counters, PortId, PortKind, QueueLimits, Switch};
use minios::net::link::{Capabilities, Packet};
use minios::time::Instant;

/// Buffers kept at most, and their size: that of an ordinary packet.
const BUFFERS: usize = 512;
const BUFFER_BYTES: usize = 2048;

/// The switch; a clone is the same.
#[derive(Clone, Default)]
pub(crate) struct Hub {
    switch: Rc<RefCell<Switch>>,
    buffers: Rc<RefCell<Vec<Vec<u8>>>>,
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
        if len > BUFFER_BYTES {
            return alloc::vec![0; len];
        }
        let mut buffer =
            self.buffers.borrow_mut().pop().unwrap_or_else(|| Vec::with_capacity(BUFFER_BYTES));
        buffer.resize(len, 0);
        buffer
    }

    /// Takes a buffer back for later packets.
    pub(super) fn recycle(&self, packet: Packet) {
        let buffer = packet.into_bytes();
        let mut buffers = self.buffers.borrow_mut();
        if buffer.capacity() == BUFFER_BYTES && buffers.len() < BUFFERS {
            buffers.push(buffer);
        }
    }

    /// All ports and what passed them.
    pub(super) fn ports(&self) -> Vec<(PortKind, Counters)> {
        self.switch.borrow().ports().map(|(_, kind, counters)| (kind, counters)).collect()
    }
}
