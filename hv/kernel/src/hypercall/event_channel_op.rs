// SPDX-License-Identifier: MIT OR Apache-2.0
//! `event_channel_op` and its old form.
use hv_core::event_channel::pair::{self, Tables, lock_order};
use hv_core::event_channel::port::Channel;
use hv_core::event_channel::raise;
use spin::MutexGuard;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::event_channel::{
    AllocUnbound, BindInterdomain, BindIpi, BindPirq, BindVcpu, BindVirq, EventChannelOp,
    EvtchnPort, PortArg, PortStatus, Reset,
};

use super::Outcome;
use super::argument::{any_domain, controlled_domain};
use crate::current::{Current, pcpu};
use crate::domain::{self, Domain, EventTable};
use crate::events::{self, Buckets, GLOBAL_VIRQ_OWNER};
use crate::guest_ptr::GuestPtr;
use crate::pirq;

/// Ports closed before others get a turn.
const CLOSES_PER_CALL: usize = 64;

/// `event_channel_op(op, argument)`. An unknown operation, and the FIFO form, are `ENOSYS`.
pub fn event_channel_op(current: &Current, op: u32, argument: GuestPtr) -> Result<Outcome, Errno> {
    let domain = current.domain();
    match EventChannelOp::try_from(op)? {
        EventChannelOp::BindInterdomain => bind_interdomain(current, argument.cast())?,
        EventChannelOp::BindVirq => bind_virq(domain, argument.cast())?,
        EventChannelOp::BindPirq => bind_pirq(domain, argument.cast())?,
        EventChannelOp::Close => {
            let PortArg { port } = argument.cast().read()?;
            close(domain, port)?;
        }
        EventChannelOp::Send => {
            let PortArg { port } = argument.cast().read()?;
            events::send(domain, port)?;
        }
        EventChannelOp::Status => status(current, argument.cast())?,
        EventChannelOp::AllocUnbound => alloc_unbound(current, argument.cast())?,
        EventChannelOp::BindIpi => bind_ipi(domain, argument.cast())?,
        EventChannelOp::BindVcpu => {
            let BindVcpu { port, vcpu } = argument.cast().read()?;
            domain.events.lock().bind_vcpu(port, vcpu)?;
        }
        EventChannelOp::Unmask => {
            let PortArg { port } = argument.cast().read()?;
            unmask(domain, port)?;
        }
        EventChannelOp::Reset => return reset(current, op, argument.cast()),
        EventChannelOp::InitControl | EventChannelOp::ExpandArray | EventChannelOp::SetPriority => {
            return Err(Errno::Enosys);
        }
    }
    Ok(Outcome::Done(0))
}

/// `event_channel_op_compat(record)`: the operation is the first word of the record, its argument
/// follows at byte 4.
pub fn event_channel_op_compat(current: &Current, record: GuestPtr<u32>) -> Result<Outcome, Errno> {
    let op = record.read()?;
    event_channel_op(current, op, record.byte_offset(4)?)
}

/// Both ends' tables, locked in the order of domain ids.
enum Locked<'d> {
    Same(MutexGuard<'d, EventTable>),
    Two(MutexGuard<'d, EventTable>, MutexGuard<'d, EventTable>),
}

impl<'d> Locked<'d> {
    fn new(local: &'d Domain, remote: &'d Domain) -> Self {
        if local.id == remote.id {
            return Self::Same(local.events.lock());
        }
        if lock_order(local.id, remote.id).0 == local.id {
            let local = local.events.lock();
            return Self::Two(local, remote.events.lock());
        }
        let remote = remote.events.lock();
        Self::Two(local.events.lock(), remote)
    }

    fn tables(&mut self) -> Tables<'_, 'static> {
        match self {
            Self::Same(table) => Tables::Same(table),
            Self::Two(local, remote) => Tables::Two { local, remote },
        }
    }
}

fn bind_interdomain(current: &Current, argument: GuestPtr<BindInterdomain>) -> Result<(), Errno> {
    let request = argument.read()?;
    let local = current.domain();
    let remote = any_domain(current, request.remote_dom)?;
    let port = {
        let mut locked = Locked::new(local, &remote);
        let tables = &mut locked.tables();
        pair::bind_interdomain(tables, request.remote_port, &mut Buckets(local))?
    };
    events::raise(local, port, 0);
    write_back(local, argument, BindInterdomain { local_port: port, ..request }, port)
}

/// Writes a result with a port in it; the port is closed again if that is impossible.
fn write_back<T: zerocopy::IntoBytes + zerocopy::Immutable>(
    domain: &Domain,
    argument: GuestPtr<T>,
    value: T,
    port: EvtchnPort,
) -> Result<(), Errno> {
    argument.write(&value).inspect_err(|_| {
        // It was opened a moment ago, so that it can be closed.
        let _ = close(domain, port);
    })
}

fn bind_virq(domain: &Domain, argument: GuestPtr<BindVirq>) -> Result<(), Errno> {
    let request = argument.read()?;
    let port = domain.events.lock().bind_virq(
        request.virq,
        request.vcpu,
        GLOBAL_VIRQ_OWNER,
        &mut Buckets(domain),
    )?;
    write_back(domain, argument, BindVirq { port, ..request }, port)
}

fn bind_ipi(domain: &Domain, argument: GuestPtr<BindIpi>) -> Result<(), Errno> {
    let request = argument.read()?;
    let port = domain.events.lock().bind_ipi(request.vcpu, &mut Buckets(domain))?;
    write_back(domain, argument, BindIpi { port, ..request }, port)
}

fn bind_pirq(domain: &Domain, argument: GuestPtr<BindPirq>) -> Result<(), Errno> {
    let request = argument.read()?;
    pirq::check_bind(domain, request.pirq)?;
    let port = domain.events.lock().bind_pirq(request.pirq, &mut Buckets(domain))?;
    if let Err(errno) = pirq::bind(domain, request.pirq, port) {
        let _ = close(domain, port);
        return Err(errno);
    }
    write_back(domain, argument, BindPirq { port, ..request }, port)
}

fn alloc_unbound(current: &Current, argument: GuestPtr<AllocUnbound>) -> Result<(), Errno> {
    let request = argument.read()?;
    let domain = controlled_domain(current, request.dom)?;
    let remote = match request.remote_dom {
        DomId::SELF => current.domain().id,
        other => other,
    };
    let port = domain.events.lock().alloc_unbound(remote, &mut Buckets(&domain))?;
    write_back(&domain, argument, AllocUnbound { port, ..request }, port)
}

fn status(current: &Current, argument: GuestPtr<PortStatus>) -> Result<(), Errno> {
    let request = argument.read()?;
    let domain = controlled_domain(current, request.dom)?;
    let port = domain.events.lock().port(request.port)?;
    let (detail, remote_port) = match port.channel {
        Channel::Closed | Channel::Ipi => (0, EvtchnPort::new(0)),
        Channel::Unbound { remote } => (u32::from(remote.get()), EvtchnPort::new(0)),
        Channel::Interdomain { remote, port } => (u32::from(remote.get()), port),
        Channel::Pirq { pirq } => (pirq, EvtchnPort::new(0)),
        Channel::Virq { virq } => (virq.get(), EvtchnPort::new(0)),
    };
    let status = port.channel.state().raw();
    argument.write(&PortStatus { status, vcpu: port.vcpu, detail, remote_port, ..request })
}

fn unmask(domain: &Domain, port: EvtchnPort) -> Result<(), Errno> {
    let found = domain.events.lock().port(port)?;
    if found.channel != Channel::Closed
        && let Some(vcpu) = domain.vcpu(found.vcpu)
    {
        let raised = raise::unmask(domain.shared_info(), vcpu.info(), port);
        events::notice(vcpu, raised);
    }
    Ok(())
}

/// Closes a port of `domain`, for the domain itself or at its end.
pub fn close(domain: &Domain, port: EvtchnPort) -> Result<(), Errno> {
    let was = loop {
        let peer = pair::peer(&domain.events.lock(), port)?;
        let remote = peer.and_then(domain::find);
        let mut locked = Locked::new(domain, remote.as_deref().unwrap_or(domain));
        match pair::close(&mut locked.tables(), port) {
            Err(Errno::Eagain) if remote.is_some() => {}
            result => break result?,
        }
    };
    if let Channel::Pirq { pirq } = was {
        pirq::unbind(domain, pirq);
    }
    raise::clear(domain.shared_info(), port);
    Ok(())
}

/// Closes the next ports of a domain; `true` when none is left.
pub fn close_some(domain: &Domain) -> bool {
    for _ in 0..CLOSES_PER_CALL {
        let next = domain.events.lock().next_in_use(EvtchnPort::new(0));
        let Some(port) = next else { return true };
        if close(domain, port).is_err() {
            return false;
        }
    }
    false
}

fn reset(current: &Current, op: u32, argument: GuestPtr<Reset>) -> Result<Outcome, Errno> {
    let Reset { dom } = argument.read()?;
    let domain = controlled_domain(current, dom)?;
    if domain.id != current.domain().id && !domain.life.lock().is_paused() {
        return Err(Errno::Einval);
    }
    while !close_some(&domain) {
        if pcpu().reschedule.get() {
            return Ok(Outcome::Continue([u64::from(op), argument.address(), 0, 0, 0, 0]));
        }
    }
    Ok(Outcome::Done(0))
}
