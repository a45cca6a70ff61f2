// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page of requests and responses between two device halves (`public/io/ring.h`).
//!
//! Four free-running `u32` indices, then slots which hold a request or its response. A producer
//! sends an event if the consumer asked for one at an index it just passed: [`must_notify`].

use crate::frame::PAGE_SIZE;

/// Offset of the request producer index (frontend's).
pub const REQ_PROD: usize = 0;
/// Offset of the request index the backend wants an event for.
pub const REQ_EVENT: usize = 4;
/// Offset of the response producer index (backend's).
pub const RSP_PROD: usize = 8;
/// Offset of the response index the frontend wants an event for.
pub const RSP_EVENT: usize = 12;
/// Offset of the slots.
pub const SLOTS: usize = 64;

/// Slots in the page: the largest power of two that fits. A slot has at least one byte.
#[must_use]
pub const fn ring_size(slot_bytes: usize) -> usize {
    1 << ((PAGE_SIZE - SLOTS) / slot_bytes).ilog2()
}

/// Whether a producer that went from `old` to `new` must send an event; `event` is what the
/// consumer asked for, read after a full barrier.
#[must_use]
pub const fn must_notify(old: u32, new: u32, event: u32) -> bool {
    new.wrapping_sub(event) < new.wrapping_sub(old)
}

const _: () = assert!(ring_size(12) == 256 && ring_size(8) == 256 && ring_size(112) == 32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notify_only_when_the_event_index_was_passed() {
        assert!(must_notify(0, 1, 1));
        assert!(!must_notify(1, 2, 1));
        assert!(must_notify(u32::MAX, 1, 0));
        assert!(!must_notify(5, 5, 5));
    }
}
