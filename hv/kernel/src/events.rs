// SPDX-License-Identifier: MIT OR Apache-2.0
//! Raising events: from a port to the bits in the guest's memory and a vCPU that wakes.
use hv_core::event_channel::port::{Port, Target};
use hv_core::event_channel::raise::{self, Raised};
use hv_core::event_channel::table::{Bucket, PORTS_PER_BUCKET};
use hv_core::supply::Supply;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::event_channel::{EvtchnPort, Virq};

use crate::domain::{self, Domain};
use crate::hvm;
use crate::memory::table_page;
use crate::schedule::{self, Poll};
use crate::vcpu::Vcpu;

/// Pages for a domain's event table.
pub struct Buckets<'d>(pub &'d Domain);

impl Supply<'static, Bucket> for Buckets<'_> {
    fn page(&mut self) -> Result<&'static mut Bucket, Errno> {
        table_page::alloc(self.0, || [Port::CLOSED; PORTS_PER_BUCKET])
    }
}

/// Makes an event of `domain` visible and wakes who waits for it.
pub fn raise(domain: &Domain, port: EvtchnPort, vcpu: u32) {
    let Some(vcpu) = domain.vcpu(vcpu) else { return };
    let raised = raise::raise(domain.shared_info(), vcpu.info(), port);
    notice(vcpu, raised);
    if raised != Raised::Already {
        wake_pollers(domain, port);
    }
}

/// Whether an upcall of the vCPU is due.
pub fn upcall_is_due(vcpu: &Vcpu) -> bool {
    if vcpu.is_hvm.get() {
        hvm::interrupt::is_deliverable(vcpu)
    } else {
        raise::is_deliverable(vcpu.info())
    }
}

/// Acts on what a change of the pending bits means for the vCPU.
pub fn notice(vcpu: &Vcpu, raised: Raised) {
    if raised == Raised::Upcall {
        if vcpu.is_hvm.get() {
            hvm::events::raised(vcpu);
        }
        schedule::wake(vcpu);
    }
}

fn wake_pollers(domain: &Domain, port: EvtchnPort) {
    for vcpu in domain.vcpus() {
        match vcpu.account.get().poll() {
            Poll::No => {}
            Poll::One(one) if one != port => {}
            Poll::One(_) | Poll::Many => schedule::wake(vcpu),
        }
    }
}

/// Raises the virtual interrupt `virq` of one vCPU, if it is bound.
pub fn raise_virq(vcpu: &Vcpu, virq: Virq) {
    let domain = vcpu.domain();
    let bound = domain.events.lock().virq_port(virq, vcpu.id);
    if let Some(port) = bound {
        raise(domain, port, vcpu.id);
    }
}

/// The domain that gets the virtual interrupts of the whole host.
pub const GLOBAL_VIRQ_OWNER: DomId = DomId::DOM0;

/// Raises a virtual interrupt of the whole host.
pub fn raise_global_virq(virq: Virq) {
    let Some(owner) = domain::find(GLOBAL_VIRQ_OWNER) else { return };
    let bound = {
        let events = owner.events.lock();
        events.virq_port(virq, 0).map(|port| (port, events.notified_vcpu(port).unwrap_or(0)))
    };
    if let Some((port, vcpu)) = bound {
        raise(&owner, port, vcpu);
    }
}

/// `EVTCHNOP_send`: raises what `port` of `domain` is connected to.
pub fn send(domain: &Domain, port: EvtchnPort) -> Result<(), Errno> {
    let target = domain.events.lock().target(port)?;
    match target {
        Target::Nobody => {}
        Target::Own { port, vcpu } => raise(domain, port, vcpu),
        Target::Remote { domain, port } => {
            let Some(remote) = domain::find(domain) else { return Ok(()) };
            let vcpu = remote.events.lock().notified_vcpu(port);
            if let Some(vcpu) = vcpu {
                raise(&remote, port, vcpu);
            }
        }
    }
    Ok(())
}

/// Gives back the memory of a domain's event table, all ports of which are closed.
pub fn free_table(domain: &Domain) {
    let mut events = domain.events.lock();
    while let Some(bucket) = events.take_bucket() {
        table_page::free(domain, bucket);
    }
}
