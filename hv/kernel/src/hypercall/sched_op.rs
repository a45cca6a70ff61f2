// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sched_op` and its old form: giving way, sleeping, shutting down.
use core::sync::atomic::Ordering;

use hv_core::event_channel::raise;
use xen_abi::errno::Errno;
use xen_abi::event_channel::EvtchnPort;
use xen_abi::sched::{
    MAX_POLL_PORTS, RemoteShutdown, SchedOp, SchedPoll, SchedShutdown, SchedWatchdog,
};

use super::argument::require_privilege;
use crate::current::Current;
use crate::domain;
use crate::events;
use crate::guest_ptr::{GuestPtr, is_guest_range};
use crate::life;
use crate::schedule::{self, Poll, Timer};
use crate::time;

/// Watchdogs of a domain.
const WATCHDOGS: u32 = 2;
/// `ENOSPC` as Xen returns it here: a negative number of 32 bits, without its sign.
const NO_WATCHDOG: u64 = 0xffff_ffe4;
const NS_PER_SECOND: u64 = 1_000_000_000;

/// `sched_op(op, argument)`.
pub fn sched_op(current: &Current, op: u32, argument: GuestPtr) -> Result<u64, Errno> {
    match SchedOp::try_from(op)? {
        SchedOp::Yield => schedule::yield_now(current.vcpu()),
        SchedOp::Block => block(current),
        SchedOp::Shutdown => {
            let SchedShutdown { reason } = argument.cast().read()?;
            shut_down(current, reason);
        }
        SchedOp::Poll => poll(current, argument.cast().read()?)?,
        SchedOp::RemoteShutdown => remote_shutdown(current, argument.cast().read()?)?,
        SchedOp::ShutdownCode => {
            let SchedShutdown { reason } = argument.cast().read()?;
            current.domain().life.lock().announce(code(reason));
        }
        SchedOp::Watchdog => return watchdog(current, argument.cast().read()?),
        SchedOp::PinOverride => {
            require_privilege(current)?;
            return Err(Errno::Enosys);
        }
    }
    Ok(0)
}

/// `sched_op_compat(op, argument)`: the argument of a shutdown is the reason itself.
pub fn sched_op_compat(current: &Current, op: u32, argument: u32) -> Result<u64, Errno> {
    match SchedOp::try_from(op)? {
        SchedOp::Yield => schedule::yield_now(current.vcpu()),
        SchedOp::Block => block(current),
        SchedOp::Shutdown => shut_down(current, argument),
        _ => return Err(Errno::Enosys),
    }
    Ok(0)
}

/// Opens upcalls and sleeps, unless one is due already.
fn block(current: &Current) {
    let vcpu = current.vcpu();
    let info = vcpu.info();
    info.evtchn_upcall_mask.store(0, Ordering::SeqCst);
    if !events::upcall_is_due(vcpu) {
        schedule::block(vcpu, Poll::No);
    }
}

fn shut_down(current: &Current, reason: u32) {
    life::shut_down(current.domain(), code(reason));
}

/// The reason of a shutdown is kept in a byte.
fn code(reason: u32) -> u8 {
    let [code, ..] = reason.to_le_bytes();
    code
}

/// Sleeps until one of the ports is pending, an upcall is due, or the time has come.
fn poll(current: &Current, request: SchedPoll) -> Result<(), Errno> {
    let SchedPoll { ports, nr_ports, timeout, .. } = request;
    if nr_ports > MAX_POLL_PORTS {
        return Err(Errno::Einval);
    }
    let list = GuestPtr::<EvtchnPort>::new(ports);
    if !is_guest_range(ports, u64::from(nr_ports).saturating_mul(4)) {
        return Err(Errno::Efault);
    }
    let vcpu = current.vcpu();
    if events::upcall_is_due(vcpu) {
        return Ok(());
    }
    let mut last = EvtchnPort::new(0);
    for index in 0..nr_ports {
        last = list.element(u64::from(index))?.read()?;
        if !current.domain().events.lock().is_valid(last) {
            return Err(Errno::Einval);
        }
        if raise::is_pending(current.domain().shared_info(), last) {
            return Ok(());
        }
    }
    let what = if nr_ports == 1 { Poll::One(last) } else { Poll::Many };
    let deadline_ns = (timeout != 0).then_some(timeout);
    if deadline_ns.is_some_and(|deadline_ns| deadline_ns <= time::now_ns()) {
        return Ok(());
    }
    schedule::set_timer(vcpu, Timer::Poll, deadline_ns);
    schedule::block(vcpu, what);
    Ok(())
}

fn remote_shutdown(current: &Current, request: RemoteShutdown) -> Result<(), Errno> {
    let domain = domain::find(request.domain_id).ok_or(Errno::Esrch)?;
    require_privilege(current)?;
    life::shut_down(&domain, code(request.reason));
    Ok(())
}

/// Sets, renews or stops a watchdog; a new one is asked for with id 0 and its id returned.
fn watchdog(current: &Current, request: SchedWatchdog) -> Result<u64, Errno> {
    let SchedWatchdog { id, timeout } = request;
    if id > WATCHDOGS {
        return Err(Errno::Einval);
    }
    let vcpu = current.domain().vcpu(0).ok_or(Errno::Einval)?;
    let slot = |id: u32| Timer::Watchdog(code(id.saturating_sub(1)));
    let in_use = |id: u32| schedule::timer_deadline_ns(vcpu, slot(id)).is_some();
    let delay_ns = u64::from(timeout).saturating_mul(NS_PER_SECOND);
    let deadline_ns = time::now_ns().saturating_add(delay_ns);
    if id == 0 {
        // A new one without time ends the domain at once, as on Xen.
        let Some(free) = (1..=WATCHDOGS).find(|&id| !in_use(id)) else { return Ok(NO_WATCHDOG) };
        schedule::set_timer(vcpu, slot(free), Some(deadline_ns));
        return Ok(u64::from(free));
    }
    if !in_use(id) {
        return Err(Errno::Einval);
    }
    schedule::set_timer(vcpu, slot(id), (timeout != 0).then_some(deadline_ns));
    Ok(0)
}
