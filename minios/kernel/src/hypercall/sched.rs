// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sched_op` and the one-shot timer.
use xen_abi::errno::Errno;
use xen_abi::event_channel::EvtchnPort;
use xen_abi::frame::Mfn;
use xen_abi::hypercall::Hypercall;
use xen_abi::sched::{SchedOp, SchedPoll, SchedShutdown, ShutdownReason};

use super::call_with;
use crate::arch::hypercall::hypercall;

/// Lets other domains run.
pub fn yield_now() {
    // SAFETY: touches no memory of ours.
    unsafe { hypercall(Hypercall::SchedOp, [SchedOp::Yield.raw().into(), 0, 0, 0, 0]) };
}

/// Opens the upcall mask and sleeps until an event is pending; its callback closes it again.
pub(crate) fn block() {
    // SAFETY: touches no memory of ours; the event callback keeps every register.
    unsafe { hypercall(Hypercall::SchedOp, [SchedOp::Block.raw().into(), 0, 0, 0, 0]) };
}

/// Sleeps until a port is pending or the system time is `until_ns`; leaves the port pending.
pub(crate) fn poll(port: EvtchnPort, until_ns: u64) -> Result<(), Errno> {
    let ports = [port];
    let mut arg = SchedPoll {
        ports: ports.as_ptr().expose_provenance() as u64,
        nr_ports: 1,
        _pad: 0,
        timeout: until_ns,
    };
    // SAFETY: the call reads one port from the array named.
    unsafe { call_with(Hypercall::SchedOp, SchedOp::Poll.raw(), &mut arg) }.map(drop)
}

/// Ends the domain. Returns only from a hypervisor that does not know the reason.
pub(crate) fn shutdown(reason: ShutdownReason) {
    let mut arg = SchedShutdown { reason: reason.raw() };
    // SAFETY: the struct names no memory.
    let _ = unsafe { call_with(Hypercall::SchedOp, SchedOp::Shutdown.raw(), &mut arg) };
}

/// Stops the domain for a toolstack that wants to save it; `record` is the frame of start_info.
/// Returns when it runs again: whether the toolstack has changed its mind.
pub(crate) fn suspend(record: Mfn) -> bool {
    let arg = SchedShutdown { reason: ShutdownReason::Suspend.raw() };
    let address = (&raw const arg).expose_provenance() as u64;
    let args = [SchedOp::Shutdown.raw().into(), address, record.get(), 0, 0];
    // SAFETY: reads the struct. Our memory is the same afterwards, but for start_info, to which
    // nobody has a reference.
    unsafe { hypercall(Hypercall::SchedOp, args) != 0 }
}

/// Raises VIRQ_TIMER at that system time; 0 for never.
pub(crate) fn set_timer(at_ns: u64) {
    // SAFETY: touches no memory of ours.
    unsafe { hypercall(Hypercall::SetTimerOp, [at_ns, 0, 0, 0, 0]) };
}
