// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packet buffers, kept for reuse so that the heap is not asked for each packet.

use alloc::vec::Vec;

/// A buffer for a packet of an ordinary MTU.
const SMALL: usize = 2048;
/// How many small ones are kept.
const KEEP_SMALL: usize = 64;
/// How many larger ones are kept.
const KEEP_LARGE: usize = 4;

#[derive(Default)]
pub(super) struct Buffers {
    small: Vec<Vec<u8>>,
    large: Vec<Vec<u8>>,
}

impl Buffers {
    /// A buffer of at least `capacity` bytes; it may hold bytes of an old packet.
    pub(super) fn take(&mut self, capacity: usize) -> Vec<u8> {
        let kept = if capacity <= SMALL { self.small.pop() } else { self.large.pop() };
        let mut buffer = kept.unwrap_or_default();
        buffer.reserve(capacity.max(SMALL).saturating_sub(buffer.len()));
        buffer
    }

    /// A buffer that has grown for a packet of unknown length, if there is one; as [`Self::take`].
    pub(super) fn take_grown(&mut self) -> Vec<u8> {
        self.large.pop().unwrap_or_else(|| self.take(SMALL))
    }

    /// Keeps a buffer, if there are not enough already.
    pub(super) fn give(&mut self, buffer: Vec<u8>) {
        let (kept, most) = match buffer.capacity() {
            0..SMALL => return,
            SMALL => (&mut self.small, KEEP_SMALL),
            _ => (&mut self.large, KEEP_LARGE),
        };
        if kept.len() < most {
            kept.push(buffer);
        }
    }
}
