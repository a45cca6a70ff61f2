// SPDX-License-Identifier: MIT OR Apache-2.0
//! `event_channel_op`. [`crate::event_channel::EventChannel`] is what apps use; here is what only
//! tools need.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::event_channel::{
    AllocUnbound, BindInterdomain, BindPirq, BindVirq, EventChannelOp, EvtchnPort, PortArg,
    PortStatus, Virq,
};
use xen_abi::hypercall::Hypercall;
use zerocopy::IntoBytes;

use super::call_with;

fn op<T: IntoBytes>(op: EventChannelOp, argument: &mut T) -> Result<(), Errno> {
    // SAFETY: no struct of this call names memory.
    unsafe { call_with(Hypercall::EventChannelOp, op.raw(), argument) }.map(drop)
}

/// Gives domain `dom` a port that `remote` may connect to.
///
/// ```no_run
/// use minios::{DomId, hypercall::event_channel::alloc_unbound};
/// // A toolstack does this for a new domain's console.
/// let port = alloc_unbound(DomId::new(3), DomId::DOM0)?;
/// # Ok::<(), minios::Errno>(())
/// ```
///
/// # Errors
/// `EPERM` if `dom` is another domain and we may not manage it; `ENOSPC` if it has no port left.
pub fn alloc_unbound(dom: DomId, remote: DomId) -> Result<EvtchnPort, Errno> {
    let mut arg = AllocUnbound { dom, remote_dom: remote, port: EvtchnPort::default() };
    op(EventChannelOp::AllocUnbound, &mut arg)?;
    Ok(arg.port)
}

/// State of a port of any domain we may manage.
///
/// # Errors
/// `EINVAL` if there is no such port, `ESRCH` if no such domain, `EPERM` if it is not ours.
pub fn status(dom: DomId, port: EvtchnPort) -> Result<PortStatus, Errno> {
    let mut arg = PortStatus { dom, port, ..PortStatus::default() };
    op(EventChannelOp::Status, &mut arg)?;
    Ok(arg)
}

pub(crate) fn bind_interdomain(dom: DomId, port: EvtchnPort) -> Result<EvtchnPort, Errno> {
    let mut arg =
        BindInterdomain { remote_dom: dom, remote_port: port, ..BindInterdomain::default() };
    op(EventChannelOp::BindInterdomain, &mut arg)?;
    Ok(arg.local_port)
}

pub(crate) fn bind_virq(virq: Virq) -> Result<EvtchnPort, Errno> {
    let mut arg = BindVirq { virq, vcpu: 0, port: EvtchnPort::default() };
    op(EventChannelOp::BindVirq, &mut arg)?;
    Ok(arg.port)
}

pub(crate) fn bind_pirq(pirq: u32, flags: u32) -> Result<EvtchnPort, Errno> {
    let mut arg = BindPirq { pirq, flags, port: EvtchnPort::default() };
    op(EventChannelOp::BindPirq, &mut arg)?;
    Ok(arg.port)
}

pub(crate) fn close(port: EvtchnPort) -> Result<(), Errno> {
    op(EventChannelOp::Close, &mut PortArg { port })
}

pub(crate) fn send(port: EvtchnPort) -> Result<(), Errno> {
    op(EventChannelOp::Send, &mut PortArg { port })
}

pub(crate) fn unmask(port: EvtchnPort) -> Result<(), Errno> {
    op(EventChannelOp::Unmask, &mut PortArg { port })
}
