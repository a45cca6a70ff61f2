// SPDX-License-Identifier: MIT OR Apache-2.0
//! Managing other domains.
use alloc::boxed::Box;

use xen_abi::domain::DomId;
use xen_abi::domctl::{
    CreateDomain, DomainInfo, Domctl, DomctlCmd, IomemPermission, IoportPermission, MaxMem,
    MaxVcpus, SCHEDOP_GETINFO, SCHEDOP_PUTINFO, SchedulerOp, VcpuContext,
};
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::vcpu::VcpuGuestContext;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::call_struct;

/// # Safety
/// The payload must not name memory that the call would misuse.
unsafe fn call<T: FromBytes + IntoBytes + Immutable>(
    cmd: DomctlCmd,
    domain: DomId,
    payload: T,
) -> Result<(DomId, T), Errno> {
    let mut call = Domctl::new(cmd, domain);
    call.set_payload(&payload).ok_or(Errno::E2big)?;
    // SAFETY: the struct has the size the call reads and writes; the caller vouches for the rest.
    unsafe { call_struct(Hypercall::Domctl, &mut call) }?;
    Ok((call.header.domain, call.payload().ok_or(Errno::E2big)?))
}

/// A call whose payload holds plain values only.
fn plain<T: FromBytes + IntoBytes + Immutable>(
    cmd: DomctlCmd,
    domain: DomId,
    payload: T,
) -> Result<(DomId, T), Errno> {
    // SAFETY: the payload names no memory.
    unsafe { call(cmd, domain, payload) }
}

/// Makes a new domain, paused and without memory; `wanted` 0 or reserved means any free id.
///
/// ```no_run
/// use minios::{DomId, hypercall::domctl, xen_abi::domctl::CreateDomain};
/// let config = CreateDomain { max_vcpus: 1, max_evtchn_port: 1023, ..Default::default() };
/// let domain = domctl::create_domain(DomId::DOM0, config)?;
/// domctl::destroy_domain(domain)?;
/// # Ok::<(), minios::Errno>(())
/// ```
///
/// # Errors
/// `EPERM`, `EACCES` (another interface version), `EINVAL`, `EEXIST`, `ENOMEM`.
pub fn create_domain(wanted: DomId, config: CreateDomain) -> Result<DomId, Errno> {
    plain(DomctlCmd::CreateDomain, wanted, config).map(|(domain, _)| domain)
}

/// Takes everything from a domain. Repeats the call while the hypervisor says it is not done.
///
/// # Errors
/// `ESRCH`, `EPERM`.
pub fn destroy_domain(domain: DomId) -> Result<(), Errno> {
    loop {
        match plain(DomctlCmd::DestroyDomain, domain, 0u64) {
            Err(Errno::Erestart) => {}
            other => return other.map(drop),
        }
    }
}

/// Stops a domain until [`unpause_domain`].
///
/// # Errors
/// `ESRCH`, `EPERM`.
pub fn pause_domain(domain: DomId) -> Result<(), Errno> {
    plain(DomctlCmd::PauseDomain, domain, 0u64).map(drop)
}

/// Lets a paused (or new) domain run.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EINVAL` if it has no vCPU that could run.
pub fn unpause_domain(domain: DomId) -> Result<(), Errno> {
    plain(DomctlCmd::UnpauseDomain, domain, 0u64).map(drop)
}

/// The first domain with this id or a higher one.
///
/// # Errors
/// `ESRCH` if there is none, `EPERM`.
pub fn domain_info(first: DomId) -> Result<DomainInfo, Errno> {
    plain(DomctlCmd::GetDomainInfo, first, DomainInfo::default()).map(|(_, info)| info)
}

/// Limits a domain's memory, in KiB.
///
/// # Errors
/// `ESRCH`, `EPERM`.
pub fn max_mem(domain: DomId, max_kib: u64) -> Result<(), Errno> {
    plain(DomctlCmd::MaxMem, domain, MaxMem { max_memkb: max_kib }).map(drop)
}

/// Says how many vCPUs a domain has.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EINVAL`.
pub fn max_vcpus(domain: DomId, max: u32) -> Result<(), Errno> {
    plain(DomctlCmd::MaxVcpus, domain, MaxVcpus { max }).map(drop)
}

/// Sets the registers with which a vCPU starts.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EINVAL` (a table that is not valid, an address that is not canonical).
pub fn set_vcpu_context(domain: DomId, vcpu: u32, context: &VcpuGuestContext) -> Result<(), Errno> {
    let ctxt = core::ptr::from_ref(context).expose_provenance() as u64;
    // SAFETY: the call reads a context at the address named.
    unsafe { call(DomctlCmd::SetVcpuContext, domain, VcpuContext { vcpu, _pad: 0, ctxt }) }
        .map(drop)
}

/// The registers of a vCPU.
///
/// # Errors
/// `ESRCH`, `EPERM`, `ENODATA` if it was never started.
pub fn vcpu_context(domain: DomId, vcpu: u32) -> Result<Box<VcpuGuestContext>, Errno> {
    let mut context = Box::<VcpuGuestContext>::default();
    let ctxt = (&raw mut *context).expose_provenance() as u64;
    // SAFETY: the call writes a context at the address named, which we have exclusively.
    unsafe { call(DomctlCmd::GetVcpuContext, domain, VcpuContext { vcpu, _pad: 0, ctxt }) }?;
    Ok(context)
}

/// Sets a domain's share of the processor: `weight` relative to the others', `cap` in percent.
///
/// `scheduler` is [`super::sysctl::scheduler`]'s answer.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EINVAL`.
pub fn set_weight(domain: DomId, scheduler: u32, weight: u16, cap: u16) -> Result<(), Errno> {
    let op = SchedulerOp { sched_id: scheduler, cmd: SCHEDOP_PUTINFO, weight, cap, _pad: [0; 3] };
    plain(DomctlCmd::SchedulerOp, domain, op).map(drop)
}

/// A domain's share of the processor: weight and cap.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EINVAL`.
pub fn weight(domain: DomId, scheduler: u32) -> Result<(u16, u16), Errno> {
    let op = SchedulerOp { sched_id: scheduler, cmd: SCHEDOP_GETINFO, ..SchedulerOp::default() };
    plain(DomctlCmd::SchedulerOp, domain, op).map(|(_, op)| (op.weight, op.cap))
}

/// Gives or takes device memory, in frames.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EINVAL`.
pub fn iomem_permission(domain: DomId, permission: IomemPermission) -> Result<(), Errno> {
    plain(DomctlCmd::IomemPermission, domain, permission).map(drop)
}

/// Gives or takes I/O ports.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EINVAL`.
pub fn ioport_permission(domain: DomId, permission: IoportPermission) -> Result<(), Errno> {
    plain(DomctlCmd::IoportPermission, domain, permission).map(drop)
}
