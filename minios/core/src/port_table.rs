// SPDX-License-Identifier: MIT OR Apache-2.0
//! Event channels of this domain: which are pending, and who waits for them.
//!
//! [`collect`] empties the two-level bitmap of the shared info page (pv-abi: public/xen.h,
//! "event channel upcalls") into a [`PortTable`], which wakes the waiting tasks.
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Poll, Waker};

#[cfg(test)]
mod tests;

/// Ports in one word of the bitmap, and words in the bitmap.
const WORD_PORTS: u32 = 64;

#[derive(Default)]
struct Slot {
    pending: bool,
    waker: Option<Waker>,
}

/// What happened on each port since its last wait.
#[derive(Default)]
pub struct PortTable {
    slots: Vec<Slot>,
}

impl PortTable {
    /// No port has fired yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Vec::new() }
    }

    /// A port was bound: forgets what a former owner of its number left.
    pub fn open(&mut self, port: u32) {
        let slot = self.slot(port);
        *slot = Slot::default();
    }

    /// The port has fired: remembers it, and gives the waker of who waits.
    #[must_use]
    pub fn fire(&mut self, port: u32) -> Option<Waker> {
        let slot = self.slot(port);
        slot.pending = true;
        slot.waker.take()
    }

    /// Ready if the port fired since the last time this said so; else wakes `waker` when it does.
    ///
    /// One task waits for a port; a second one takes its place.
    pub fn poll(&mut self, port: u32, waker: &Waker) -> Poll<()> {
        let slot = self.slot(port);
        if core::mem::take(&mut slot.pending) {
            slot.waker = None;
            return Poll::Ready(());
        }
        match &slot.waker {
            Some(known) if known.will_wake(waker) => {}
            _ => slot.waker = Some(waker.clone()),
        }
        Poll::Pending
    }

    /// Whether the port fired since the last wait; forgets it.
    pub fn take_pending(&mut self, port: u32) -> bool {
        core::mem::take(&mut self.slot(port).pending)
    }

    /// Forgets all ports, and gives the wakers of who waits, to be told that their port is gone.
    #[must_use]
    pub fn clear(&mut self) -> Vec<Waker> {
        core::mem::take(&mut self.slots).into_iter().filter_map(|slot| slot.waker).collect()
    }

    fn slot(&mut self, port: u32) -> &mut Slot {
        let index = port as usize;
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, Slot::default);
        }
        &mut self.slots[index]
    }
}

/// Takes every pending, unmasked port out of the bitmap and gives it to `fire`.
///
/// `selector` is the vCPU's `pending_sel`: a bit for each word of `pending` that may be non-zero.
pub fn collect(
    selector: &AtomicU64,
    pending: &[AtomicU64],
    mask: &[AtomicU64],
    mut fire: impl FnMut(u32),
) {
    let mut words = selector.swap(0, Ordering::AcqRel);
    while words != 0 {
        let word = words.trailing_zeros();
        words &= words - 1;
        let index = word as usize;
        let (Some(pending), Some(mask)) = (pending.get(index), mask.get(index)) else { continue };
        let ready = pending.load(Ordering::Acquire) & !mask.load(Ordering::Acquire);
        let mut ports = pending.fetch_and(!ready, Ordering::AcqRel) & ready;
        while ports != 0 {
            fire(word * WORD_PORTS + ports.trailing_zeros());
            ports &= ports - 1;
        }
    }
}
