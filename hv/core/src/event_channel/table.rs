// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain's ports, and the operations on one domain.

use super::port::{Channel, Port, Target};
use crate::supply::Supply;
use heapless::Vec;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::event_channel::{EvtchnPort, MAX_PORTS, NR_VIRQS, Virq, VirqKind};
use xen_abi::frame::PAGE_SIZE;

/// Ports in one page of a table.
pub const PORTS_PER_BUCKET: usize = 256;
/// Pages of a full table.
pub const MAX_BUCKETS: usize = MAX_PORTS as usize / PORTS_PER_BUCKET;
/// The vcpus a table knows.
pub const MAX_VCPUS: usize = 8;
/// Ports become valid in steps of this many, as the table grows.
const VALID_STEP: u32 = 64;
const VIRQS: usize = NR_VIRQS as usize;

/// One page of a table.
pub type Bucket = [Port; PORTS_PER_BUCKET];
const _: () = assert!(size_of::<Bucket>() <= PAGE_SIZE);

/// The ports of one domain.
#[derive(Debug)]
pub struct EventTable<'a> {
    domain: DomId,
    /// The highest port the domain may have.
    max_port: u32,
    /// Ports below this one exist, free or not.
    valid_ports: u32,
    /// No port below this one is free.
    first_free: u32,
    vcpus: u32,
    dying: bool,
    buckets: Vec<&'a mut Bucket, MAX_BUCKETS>,
    virqs: [[EvtchnPort; VIRQS]; MAX_VCPUS],
}

impl<'a> EventTable<'a> {
    /// An empty table of `domain`, whose ports go up to `max_port`. It has no vcpus yet.
    #[must_use]
    pub const fn new(domain: DomId, max_port: u32) -> Self {
        let limit = MAX_PORTS - 1;
        Self {
            domain,
            max_port: if max_port < limit { max_port } else { limit },
            valid_ports: VALID_STEP,
            first_free: 1,
            vcpus: 0,
            dying: false,
            buckets: Vec::new(),
            virqs: [[EvtchnPort::new(0); VIRQS]; MAX_VCPUS],
        }
    }

    /// The domain whose ports these are.
    #[must_use]
    pub const fn domain(&self) -> DomId {
        self.domain
    }

    /// Says how many vcpus the domain has; at most [`MAX_VCPUS`] count.
    pub fn set_vcpus(&mut self, vcpus: u32) {
        self.vcpus = vcpus.min(u32::try_from(MAX_VCPUS).unwrap_or(u32::MAX));
    }

    /// No port is handed out any more: the domain is being destroyed.
    pub fn start_dying(&mut self) {
        self.dying = true;
    }

    /// Whether the port exists, free or not.
    #[must_use]
    pub const fn is_valid(&self, port: EvtchnPort) -> bool {
        port.get() < self.valid_ports
    }

    /// The port; `EINVAL` if it does not exist.
    pub fn port(&self, port: EvtchnPort) -> Result<Port, Errno> {
        if !self.is_valid(port) {
            return Err(Errno::Einval);
        }
        Ok(self.entry(port).copied().unwrap_or(Port::CLOSED))
    }

    /// Offers a port to `remote`.
    pub fn alloc_unbound(
        &mut self,
        remote: DomId,
        supply: &mut impl Supply<'a, Bucket>,
    ) -> Result<EvtchnPort, Errno> {
        self.allocate(Channel::Unbound { remote }, 0, supply)
    }

    /// Binds a virtual interrupt. `global_owner` is the domain which gets the host's own.
    pub fn bind_virq(
        &mut self,
        virq: Virq,
        vcpu: u32,
        global_owner: DomId,
        supply: &mut impl Supply<'a, Bucket>,
    ) -> Result<EvtchnPort, Errno> {
        if virq.get() >= NR_VIRQS {
            return Err(Errno::Einval);
        }
        if virq.kind() != Some(VirqKind::PerVcpu) && vcpu != 0 {
            return Err(Errno::Einval);
        }
        self.check_vcpu(vcpu)?;
        let global = !matches!(virq.kind(), Some(VirqKind::PerVcpu | VirqKind::PerDomain));
        if global && self.domain != global_owner {
            return Err(Errno::Ebusy);
        }
        if self.virq_port(virq, vcpu).is_some() {
            return Err(Errno::Eexist);
        }
        let port = self.allocate(Channel::Virq { virq }, vcpu, supply)?;
        if let Some(slot) = self.virq_slot(virq, vcpu) {
            *slot = port;
        }
        Ok(port)
    }

    /// A port by which a vcpu interrupts `vcpu`.
    pub fn bind_ipi(
        &mut self,
        vcpu: u32,
        supply: &mut impl Supply<'a, Bucket>,
    ) -> Result<EvtchnPort, Errno> {
        self.check_vcpu(vcpu)?;
        self.allocate(Channel::Ipi, vcpu, supply)
    }

    /// Binds a physical interrupt, whose use the caller has checked.
    pub fn bind_pirq(
        &mut self,
        pirq: u32,
        supply: &mut impl Supply<'a, Bucket>,
    ) -> Result<EvtchnPort, Errno> {
        self.allocate(Channel::Pirq { pirq }, 0, supply)
    }

    /// Moves a port to another vcpu.
    pub fn bind_vcpu(&mut self, port: EvtchnPort, vcpu: u32) -> Result<(), Errno> {
        self.check_vcpu(vcpu)?;
        match self.port(port)?.channel {
            Channel::Virq { virq } if virq.kind() == Some(VirqKind::PerVcpu) => {
                return Err(Errno::Einval);
            }
            Channel::Virq { .. }
            | Channel::Unbound { .. }
            | Channel::Interdomain { .. }
            | Channel::Pirq { .. } => {}
            Channel::Closed | Channel::Ipi => return Err(Errno::Einval),
        }
        if let Some(entry) = self.entry_mut(port) {
            entry.vcpu = vcpu;
        }
        Ok(())
    }

    /// Where a `send` on `port` goes; `EINVAL` for ports that only the hypervisor raises.
    pub fn target(&self, port: EvtchnPort) -> Result<Target, Errno> {
        let Port { channel, vcpu } = self.port(port)?;
        match channel {
            Channel::Interdomain { remote, port } if remote == self.domain => {
                let vcpu = self.port(port)?.vcpu;
                Ok(Target::Own { port, vcpu })
            }
            Channel::Interdomain { remote, port } => Ok(Target::Remote { domain: remote, port }),
            Channel::Ipi => Ok(Target::Own { port, vcpu }),
            Channel::Unbound { .. } => Ok(Target::Nobody),
            Channel::Closed | Channel::Pirq { .. } | Channel::Virq { .. } => Err(Errno::Einval),
        }
    }

    /// The vcpu to notify for an event on `port`, if the port is in use.
    #[must_use]
    pub fn notified_vcpu(&self, port: EvtchnPort) -> Option<u32> {
        let entry = self.port(port).ok()?;
        (entry.channel != Channel::Closed).then_some(entry.vcpu)
    }

    /// The port a virtual interrupt is bound to.
    #[must_use]
    pub fn virq_port(&self, virq: Virq, vcpu: u32) -> Option<EvtchnPort> {
        let row = self.virqs.get(usize::try_from(vcpu).ok()?)?;
        let port = row.get(usize::try_from(virq.get()).ok()?)?;
        (port.get() != 0).then_some(*port)
    }

    /// The first port in use, from `from` on: to close them all in steps.
    #[must_use]
    pub fn next_in_use(&self, from: EvtchnPort) -> Option<EvtchnPort> {
        (from.get()..self.valid_ports)
            .map(EvtchnPort::new)
            .find(|&port| self.entry(port).is_some_and(|e| e.channel != Channel::Closed))
    }

    /// Pages in use.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.buckets.len()
    }

    /// Gives back one page of the table; for the end of a domain, after all ports are closed.
    pub fn take_bucket(&mut self) -> Option<&'a mut Bucket> {
        self.dying = true;
        self.buckets.pop()
    }

    /// Takes the lowest free port. `EINVAL` if the domain is dying, `ENOSPC` if all are in use.
    pub(super) fn allocate(
        &mut self,
        channel: Channel,
        vcpu: u32,
        supply: &mut impl Supply<'a, Bucket>,
    ) -> Result<EvtchnPort, Errno> {
        let port = self.free_port(supply)?;
        self.set(port, Port { channel, vcpu });
        self.first_free = port.get().saturating_add(1);
        Ok(port)
    }

    /// Puts a port into a state; the caller keeps both ends of a channel in agreement.
    pub(super) fn set(&mut self, port: EvtchnPort, value: Port) {
        if let Some(entry) = self.entry_mut(port) {
            *entry = value;
        }
    }

    /// Frees a port and what points at it in this table.
    pub(super) fn free(&mut self, port: EvtchnPort) {
        self.set(port, Port::CLOSED);
        self.first_free = self.first_free.min(port.get()).max(1);
        for slot in self.virqs.iter_mut().flatten().filter(|slot| **slot == port) {
            *slot = EvtchnPort::new(0);
        }
    }

    /// Makes sure that a free port exists, before anything is changed.
    pub(super) fn free_port(
        &mut self,
        supply: &mut impl Supply<'a, Bucket>,
    ) -> Result<EvtchnPort, Errno> {
        if self.dying {
            return Err(Errno::Einval);
        }
        let mut candidate = self.first_free;
        while candidate <= self.max_port {
            let port = EvtchnPort::new(candidate);
            match self.entry(port) {
                Some(Port { channel: Channel::Closed, .. }) => break,
                Some(_) => candidate = candidate.saturating_add(1),
                None => {
                    let bucket = supply.page()?;
                    self.buckets.push(bucket).map_err(|_| Errno::Enospc)?;
                }
            }
        }
        self.first_free = candidate;
        if candidate > self.max_port {
            return Err(Errno::Enospc);
        }
        let steps = candidate.checked_div(VALID_STEP).unwrap_or(0).saturating_add(1);
        self.valid_ports = self.valid_ports.max(steps.saturating_mul(VALID_STEP));
        Ok(EvtchnPort::new(candidate))
    }

    /// `ENOENT` unless the domain has this vcpu.
    fn check_vcpu(&self, vcpu: u32) -> Result<(), Errno> {
        if vcpu < self.vcpus { Ok(()) } else { Err(Errno::Enoent) }
    }

    fn entry(&self, port: EvtchnPort) -> Option<&Port> {
        let (bucket, offset) = place(port)?;
        self.buckets.get(bucket)?.get(offset)
    }

    fn entry_mut(&mut self, port: EvtchnPort) -> Option<&mut Port> {
        let (bucket, offset) = place(port)?;
        self.buckets.get_mut(bucket)?.get_mut(offset)
    }

    fn virq_slot(&mut self, virq: Virq, vcpu: u32) -> Option<&mut EvtchnPort> {
        let row = self.virqs.get_mut(usize::try_from(vcpu).ok()?)?;
        row.get_mut(usize::try_from(virq.get()).ok()?)
    }
}

fn place(port: EvtchnPort) -> Option<(usize, usize)> {
    let port = usize::try_from(port.get()).ok()?;
    Some((port.checked_div(PORTS_PER_BUCKET)?, port.checked_rem(PORTS_PER_BUCKET)?))
}
