// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a network interface counts.

use core::cell::Cell;

/// Counts since the interface was connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets received whole.
    pub received_packets: u64,
    /// Bytes of the packets received whole.
    pub received_bytes: u64,
    /// Received packets that the backend marked as failed.
    pub receive_errors: u64,
    /// Packets given to the backend.
    pub transmitted_packets: u64,
    /// Bytes of the packets given to the backend.
    pub transmitted_bytes: u64,
    /// Slots that the backend could not send.
    pub transmit_errors: u64,
    /// Packets dropped for want of room in the ring.
    pub transmit_drops: u64,
    /// What the backend said and cannot be: slots outside their page, unknown ids, indices past
    /// the ring.
    pub bad_slots: u64,
}

/// Changes counters in place.
pub(super) fn count(counters: &Cell<Counters>, change: impl FnOnce(&mut Counters)) {
    let mut value = counters.get();
    change(&mut value);
    counters.set(value);
}
