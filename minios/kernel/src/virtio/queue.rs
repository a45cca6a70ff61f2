// SPDX-License-Identifier: MIT OR Apache-2.0
//! A queue whose buffers are slots of fixed size in memory of its own: half a page each.
//!
//! Packets are copied in and out once; so no packet ever lies in memory that a device may reach,
//! and every buffer is one descriptor.

use alloc::boxed::Box;
use alloc::vec::Vec;

use virtio_drivers::Error;
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::Transport;
use xen_abi::errno::Errno;
use xen_abi::frame::PAGE_SIZE;

use super::transport::PciTransport;
use crate::dma::Dma;
use crate::memory::{SharedPages, alloc_contiguous};

/// Slots, and descriptors, of a queue.
pub(super) const SLOTS: usize = 256;
/// Bytes of a slot.
pub(super) const SLOT_BYTES: usize = PAGE_SIZE / 2;

/// Which way the bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// The device writes.
    Receive,
    /// The device reads.
    Transmit,
}

/// A queue with its slots.
pub(super) struct SlotQueue {
    /// Boxed: kilobytes, and a stack is not large.
    queue: Box<VirtQueue<Dma, SLOTS>>,
    number: u16,
    direction: Direction,
    memory: SharedPages,
    free: Vec<usize>,
    /// Which slot, and how many bytes of it, the device has by a descriptor.
    used_by: Vec<(usize, usize)>,
    /// Something was added since the device was notified.
    unannounced: bool,
}

/// A slot that the device does not have.
pub(super) struct Slot<'a> {
    memory: &'a SharedPages,
    start: usize,
}

impl Slot<'_> {
    /// Copies bytes out.
    pub(super) fn read(&self, offset: usize, to: &mut [u8]) {
        assert!(offset + to.len() <= SLOT_BYTES, "a slot is left");
        self.memory.read(self.start + offset, to);
    }

    /// Copies bytes in.
    pub(super) fn write(&self, offset: usize, from: &[u8]) {
        assert!(offset + from.len() <= SLOT_BYTES, "a slot is left");
        self.memory.write(self.start + offset, from);
    }
}

impl SlotQueue {
    /// Sets up queue `number` of a device.
    pub(super) fn new(
        transport: &mut PciTransport,
        number: u16,
        direction: Direction,
    ) -> Result<Self, Errno> {
        let memory = alloc_contiguous(SLOTS * SLOT_BYTES / PAGE_SIZE, u64::BITS)?;
        let queue = boxed_queue(transport, number)?;
        Ok(Self {
            queue,
            number,
            direction,
            memory,
            free: (0..SLOTS).rev().collect(),
            used_by: alloc::vec![(0, 0); SLOTS],
            unannounced: false,
        })
    }

    /// How many slots are free.
    pub(super) fn room(&self) -> usize {
        self.free.len()
    }

    /// Gives the device a free slot after `fill` has put something there, which returns the
    /// number of bytes; false if none is free.
    pub(super) fn add(&mut self, fill: impl FnOnce(&Slot<'_>) -> usize) -> bool {
        let Some(slot) = self.free.pop() else { return false };
        let len = fill(&Slot { memory: &self.memory, start: slot * SLOT_BYTES }).min(SLOT_BYTES);
        let buffer = buffer(&self.memory, slot, len);
        let added = match self.direction {
            // SAFETY: the slot's memory lives as long as the queue, and is not touched before
            // `take` has got it back.
            Direction::Receive => unsafe { self.queue.add(&[], &mut [buffer]) },
            // SAFETY: as above.
            Direction::Transmit => unsafe { self.queue.add(&[buffer], &mut []) },
        };
        let token = added.expect("there are as many descriptors as slots");
        self.used_by[usize::from(token)] = (slot, len);
        self.unannounced = true;
        true
    }

    /// Takes back a slot that the device is done with; `look` sees it, and how many bytes the
    /// device says it wrote there.
    pub(super) fn take<R>(&mut self, look: impl FnOnce(&Slot<'_>, usize) -> R) -> Option<R> {
        let token = self.queue.peek_used()?;
        let (slot, len) = self.used_by[usize::from(token) % SLOTS];
        let buffer = buffer(&self.memory, slot, len);
        let taken = match self.direction {
            // SAFETY: the buffer that this descriptor was added with.
            Direction::Receive => unsafe { self.queue.pop_used(token, &[], &mut [buffer]) },
            // SAFETY: as above.
            Direction::Transmit => unsafe { self.queue.pop_used(token, &[buffer], &mut []) },
        };
        let written = taken.expect("the descriptor was just seen") as usize;
        let slot_view = Slot { memory: &self.memory, start: slot * SLOT_BYTES };
        let result = look(&slot_view, written.min(len));
        self.free.push(slot);
        Some(result)
    }

    /// Tells the device of what was added, once, if it wants to know.
    pub(super) fn announce(&mut self, transport: &mut PciTransport) {
        if core::mem::take(&mut self.unannounced) && self.queue.should_notify() {
            transport.notify(self.number);
        }
    }

    /// Whether the device is done with a slot.
    pub(super) fn has_used(&self) -> bool {
        self.queue.can_pop()
    }

    /// Whether the device is to interrupt when it is done with a slot. After this was switched
    /// on, look at [`Self::has_used`] once more.
    pub(super) fn set_interrupts(&mut self, on: bool) {
        self.queue.set_dev_notify(on);
        core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
    }
}

#[inline(never)]
fn boxed_queue(
    transport: &mut PciTransport,
    number: u16,
) -> Result<Box<VirtQueue<Dma, SLOTS>>, Errno> {
    VirtQueue::new(transport, number, false, false).map(Box::new).map_err(|error| {
        log::warn!("virtio queue {number}: {error}");
        if error == Error::DmaError { Errno::Enomem } else { Errno::Enodev }
    })
}

/// A slot's first bytes as virtio-drivers wants them: it only takes their address.
fn buffer<'a>(memory: &SharedPages, slot: usize, len: usize) -> &'a mut [u8] {
    let start = memory.address() + slot * SLOT_BYTES;
    // SAFETY: inside the pages; nothing is read or written through the slice, and no other
    // reference exists, as shared pages are only copied from and to.
    unsafe { core::slice::from_raw_parts_mut(core::ptr::with_exposed_provenance_mut(start), len) }
}
