// SPDX-License-Identifier: MIT OR Apache-2.0
//! The shared ring of requests and responses (`public/io/ring.h`), both ends. The other end is
//! not trusted: each slot is copied once, and an index that cannot be is an error, not a slot.

mod back;
#[cfg(any(test, feature = "fake-page"))]
mod fake_page;
#[cfg(test)]
mod tests;

pub use back::BackRing;
#[cfg(any(test, feature = "fake-page"))]
pub use fake_page::FakePage;

use core::sync::atomic::{Ordering, fence};
use xen_abi::ring::{REQ_EVENT, REQ_PROD, RSP_EVENT, RSP_PROD, SLOTS, must_notify, ring_size};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A page that both ends have. Offsets are in bytes, within the page.
pub trait RingMemory {
    /// Loads an index, with acquire ordering.
    fn load_u32(&self, offset: usize) -> u32;
    /// Stores an index, with release ordering.
    fn store_u32(&self, offset: usize, value: u32);
    /// Copies out of the page.
    fn read(&self, offset: usize, to: &mut [u8]);
    /// Copies into the page.
    fn write(&self, offset: usize, from: &[u8]);
}

/// The other end's index says there is more than the ring can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// The slots of a ring, and where they are.
struct Slots<M> {
    memory: M,
    bytes: usize,
    count: u32,
}

impl<M: RingMemory> Slots<M> {
    fn new(memory: M, bytes: usize) -> Self {
        let count = u32::try_from(ring_size(bytes)).unwrap_or(1);
        Self { memory, bytes, count }
    }

    fn offset(&self, index: u32) -> usize {
        SLOTS + (index & (self.count - 1)) as usize * self.bytes
    }

    fn put<T: IntoBytes + Immutable>(&self, index: u32, value: &T) {
        self.memory.write(self.offset(index), value.as_bytes());
    }

    fn get<T: FromBytes + IntoBytes>(&self, index: u32) -> T {
        let mut value = T::new_zeroed();
        self.memory.read(self.offset(index), value.as_mut_bytes());
        value
    }

    /// Stores a producer index; true if the other end wants an event for it.
    fn publish(&self, (prod, event): (usize, usize), old: u32, new: u32) -> bool {
        self.memory.store_u32(prod, new);
        // The other end stores its event index and then looks at ours; we the other way round.
        fence(Ordering::SeqCst);
        must_notify(old, new, self.memory.load_u32(event))
    }

    /// How many slots are between `consumed` and the producer; at most `bound` are possible.
    fn available(&self, prod: usize, consumed: u32, bound: u32) -> Result<u32, Corrupt> {
        let available = self.memory.load_u32(prod).wrapping_sub(consumed);
        if available <= bound { Ok(available) } else { Err(Corrupt) }
    }

    /// Asks for an event at the next slot; true if it is there already.
    fn rearm(&self, (prod, event): (usize, usize), consumed: u32) -> bool {
        self.memory.store_u32(event, consumed.wrapping_add(1));
        fence(Ordering::SeqCst);
        self.memory.load_u32(prod) != consumed
    }
}

/// The frontend's end: it produces requests and consumes responses.
pub struct FrontRing<M> {
    slots: Slots<M>,
    produced: u32,
    published: u32,
    consumed: u32,
}

impl<M: RingMemory> FrontRing<M> {
    /// Makes a ring with slots of `slot_bytes` in the page `memory`.
    pub fn new(memory: M, slot_bytes: usize) -> Self {
        for (index, start) in [(REQ_PROD, 0), (REQ_EVENT, 1), (RSP_PROD, 0), (RSP_EVENT, 1)] {
            memory.store_u32(index, start);
        }
        Self { slots: Slots::new(memory, slot_bytes), produced: 0, published: 0, consumed: 0 }
    }

    /// The number of slots.
    pub fn size(&self) -> u32 {
        self.slots.count
    }

    /// How many requests can be produced.
    pub fn free(&self) -> u32 {
        self.slots.count - self.produced.wrapping_sub(self.consumed)
    }

    /// Writes a request and returns its index; `None` if the ring is full. The backend sees it
    /// after [`publish`](Self::publish).
    pub fn produce<T: IntoBytes + Immutable>(&mut self, request: &T) -> Option<u32> {
        if self.free() == 0 {
            return None;
        }
        let index = self.produced;
        self.slots.put(index, request);
        self.produced = index.wrapping_add(1);
        Some(index)
    }

    /// Shows the requests to the backend; true if it is to be notified.
    pub fn publish(&mut self) -> bool {
        let (old, new) = (self.published, self.produced);
        self.published = new;
        old != new && self.slots.publish((REQ_PROD, REQ_EVENT), old, new)
    }

    /// The next response and its index, copied out; `None` if there is none.
    pub fn consume<T: FromBytes + IntoBytes>(&mut self) -> Result<Option<(u32, T)>, Corrupt> {
        let bound = self.published.wrapping_sub(self.consumed);
        if self.slots.available(RSP_PROD, self.consumed, bound)? == 0 {
            return Ok(None);
        }
        let index = self.consumed;
        self.consumed = index.wrapping_add(1);
        Ok(Some((index, self.slots.get(index))))
    }

    /// Asks for an event at the next response; true if one is there already.
    pub fn rearm(&mut self) -> bool {
        self.slots.rearm((RSP_PROD, RSP_EVENT), self.consumed)
    }
}
