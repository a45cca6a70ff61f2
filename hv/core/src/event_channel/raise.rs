// SPDX-License-Identifier: MIT OR Apache-2.0
//! How an event becomes visible to a guest: the bits of the shared page, in the order that loses
//! nothing (`public/event_channel.h`).
//!
//! The guest clears them in the opposite order: upcall, selector, pending bit. Every step is one
//! atomic instruction; whoever sets a bit that was clear goes on to the next.

use core::sync::atomic::Ordering::{AcqRel, Acquire};
use xen_abi::event_channel::EvtchnPort;
use xen_abi::shared_info::{SharedInfo, VcpuInfo};

/// What raising an event changed, and so what is left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raised {
    /// It was pending already, or there is no such port: nothing to do.
    Already,
    /// Pending now, but no upcall comes of it: masked, or one is under way. Pollers of the port
    /// are to be woken.
    Marked,
    /// An upcall waits: the vcpu is to be woken, and pollers too.
    Upcall,
}

/// Marks `port` pending in `shared` and, unless it is masked, in the `info` of its vcpu.
pub fn raise(shared: &SharedInfo, info: &VcpuInfo, port: EvtchnPort) -> Raised {
    let Some((word, bit)) = bit_of(port) else { return Raised::Already };
    let Some(pending) = shared.evtchn_pending.get(word) else { return Raised::Already };
    if pending.fetch_or(bit, AcqRel) & bit != 0 {
        return Raised::Already;
    }
    if is_masked(shared, port) {
        return Raised::Marked;
    }
    select(info, word)
}

/// Clears the mask of `port`; an event that waited behind it is delivered now.
pub fn unmask(shared: &SharedInfo, info: &VcpuInfo, port: EvtchnPort) -> Raised {
    let Some((word, bit)) = bit_of(port) else { return Raised::Already };
    let Some(mask) = shared.evtchn_mask.get(word) else { return Raised::Already };
    if mask.fetch_and(!bit, AcqRel) & bit == 0 || !is_pending(shared, port) {
        return Raised::Already;
    }
    select(info, word)
}

/// Marks everything pending, as after a move of the vcpu info: a guest looks at all its ports
/// and so misses none.
pub fn mark_all(info: &VcpuInfo) -> Raised {
    info.evtchn_pending_sel.fetch_or(u64::MAX, AcqRel);
    mark_upcall(info)
}

/// Forgets that `port` is pending: it is closed.
pub fn clear(shared: &SharedInfo, port: EvtchnPort) {
    if let Some((word, bit)) = bit_of(port)
        && let Some(pending) = shared.evtchn_pending.get(word)
    {
        pending.fetch_and(!bit, AcqRel);
    }
}

/// Whether the event of `port` is pending, masked or not.
#[must_use]
pub fn is_pending(shared: &SharedInfo, port: EvtchnPort) -> bool {
    bit_of(port).is_some_and(|(word, bit)| {
        shared.evtchn_pending.get(word).is_some_and(|pending| pending.load(Acquire) & bit != 0)
    })
}

/// Whether the guest masks `port`.
#[must_use]
pub fn is_masked(shared: &SharedInfo, port: EvtchnPort) -> bool {
    bit_of(port).is_some_and(|(word, bit)| {
        shared.evtchn_mask.get(word).is_some_and(|mask| mask.load(Acquire) & bit != 0)
    })
}

/// Whether an upcall is to be delivered to this vcpu: something waits, and upcalls are open.
#[must_use]
pub fn is_deliverable(info: &VcpuInfo) -> bool {
    info.evtchn_upcall_pending.load(Acquire) != 0 && info.evtchn_upcall_mask.load(Acquire) == 0
}

fn select(info: &VcpuInfo, word: usize) -> Raised {
    let bit = u32::try_from(word).ok().and_then(|word| 1_u64.checked_shl(word)).unwrap_or(0);
    if info.evtchn_pending_sel.fetch_or(bit, AcqRel) & bit != 0 {
        return Raised::Marked;
    }
    mark_upcall(info)
}

fn mark_upcall(info: &VcpuInfo) -> Raised {
    if info.evtchn_upcall_pending.fetch_or(1, AcqRel) & 1 != 0 {
        return Raised::Marked;
    }
    Raised::Upcall
}

fn bit_of(port: EvtchnPort) -> Option<(usize, u64)> {
    let (word, bit) = port.word_and_bit()?;
    Some((word, 1_u64.checked_shl(bit)?))
}
