// SPDX-License-Identifier: MIT OR Apache-2.0
//! `domctl`: a privileged domain manages others.
//!
//! - [`create`]: new domains.
//! - [`info`]: what is known of a domain.
//! - [`context`]: a vCPU's registers; [`hvm_context`]: those of a PVH domain.
//! - [`permission`]: access to hardware.
use hv_core::scheduler::{MAX_WEIGHT, MIN_WEIGHT};
use xen_abi::domctl::{
    AddressSize, DomainHandle, Domctl, DomctlCmd, INTERFACE_VERSION, MaxMem, MaxVcpus,
    SCHEDOP_GETINFO, SCHEDOP_PUTINFO, SCHEDULER_CREDIT, SchedulerOp,
};
use xen_abi::errno::Errno;
use xen_abi::sched::ShutdownReason;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::Outcome;
use super::argument::require_privilege;
use crate::current::Current;
use crate::domain::{self, Domain};
use crate::guest_ptr::GuestPtr;
use crate::life::{self, Progress};
use crate::schedule;

mod context;
mod create;
mod hvm_context;
pub(super) mod info;
mod permission;

/// KiB in a page.
const KIB_PER_PAGE: u64 = 4;

/// `domctl(struct)`. `EACCES` for another version of the interface, `ESRCH` for a domain that does
/// not exist, `EPERM` for a caller without privilege, `ENOSYS` for an unknown command.
pub fn domctl(current: &Current, argument: GuestPtr<Domctl>) -> Result<Outcome, Errno> {
    let call = argument.read()?;
    if call.header.interface_version != INTERFACE_VERSION {
        return Err(Errno::Eacces);
    }
    let cmd = DomctlCmd::try_from(call.header.cmd);
    let request = Request { argument, call };
    match cmd {
        Ok(DomctlCmd::CreateDomain) => {
            require_privilege(current)?;
            return create::create(request).map(|()| Outcome::Done(0));
        }
        Ok(DomctlCmd::GetDomainInfo) => {
            require_privilege(current)?;
            return info::get(request).map(|()| Outcome::Done(0));
        }
        _ => {}
    }
    let domain = domain::find(request.call.header.domain).ok_or(Errno::Esrch)?;
    require_privilege(current)?;
    execute(current, &domain, cmd?, request)
}

/// A call, and where the guest wants its answer.
struct Request {
    argument: GuestPtr<Domctl>,
    call: Domctl,
}

impl Request {
    /// The struct of the command.
    fn payload<T: FromBytes>(&self) -> Result<T, Errno> {
        self.call.payload().ok_or(Errno::Einval)
    }

    /// Writes the answer.
    fn answer<T: IntoBytes + Immutable>(mut self, payload: &T) -> Result<(), Errno> {
        self.call.set_payload(payload).ok_or(Errno::Einval)?;
        self.argument.write(&self.call)
    }

    /// The same call again.
    fn again(&self) -> Outcome {
        Outcome::Continue([self.argument.address(), 0, 0, 0, 0, 0])
    }
}

fn execute(
    current: &Current,
    domain: &Domain,
    cmd: DomctlCmd,
    request: Request,
) -> Result<Outcome, Errno> {
    match cmd {
        DomctlCmd::DestroyDomain => return destroy(current, domain, &request),
        DomctlCmd::SetVcpuContext => {
            require_other(current, domain)?;
            return context::set(domain, &request);
        }
        DomctlCmd::SetHvmContext => {
            require_other(current, domain)?;
            hvm_context::set(domain, &request)?;
        }
        DomctlCmd::GetHvmContext => {
            require_other(current, domain)?;
            hvm_context::get(domain, request)?;
        }
        DomctlCmd::PauseDomain => {
            require_other(current, domain)?;
            domain.life.lock().pause()?;
            life::apply(domain);
        }
        DomctlCmd::UnpauseDomain => {
            domain.life.lock().unpause()?;
            life::apply(domain);
        }
        DomctlCmd::ResumeDomain => {
            require_other(current, domain)?;
            domain.life.lock().resume(life::code(ShutdownReason::Suspend))?;
            life::apply(domain);
        }
        DomctlCmd::MaxMem => {
            let MaxMem { max_memkb } = request.payload()?;
            domain.pages.lock().max = max_memkb.checked_div(KIB_PER_PAGE).unwrap_or(0);
        }
        DomctlCmd::MaxVcpus => {
            let MaxVcpus { max } = request.payload()?;
            create::set_vcpus(current, domain, max)?;
        }
        DomctlCmd::GetVcpuContext => {
            require_other(current, domain)?;
            context::get(domain, &request)?;
        }
        DomctlCmd::GetVcpuInfo => info::get_vcpu(domain, request)?,
        DomctlCmd::SchedulerOp => scheduler_op(domain, request)?,
        DomctlCmd::SetDomainHandle => {
            let DomainHandle { handle } = request.payload()?;
            *domain.handle.lock() = handle;
        }
        DomctlCmd::IrqPermission => permission::irq(domain, request.payload()?)?,
        DomctlCmd::IomemPermission => permission::iomem(domain, request.payload()?)?,
        DomctlCmd::IoportPermission => permission::ioport(domain, request.payload()?)?,
        DomctlCmd::SetAddressSize => {
            let AddressSize { size } = request.payload()?;
            if size != ADDRESS_BITS {
                return Err(Errno::Einval);
            }
        }
        DomctlCmd::GetAddressSize => request.answer(&AddressSize { size: ADDRESS_BITS })?,
        DomctlCmd::SetVcpuAffinity | DomctlCmd::SetTimeOffset => {}
        DomctlCmd::CreateDomain
        | DomctlCmd::GetDomainInfo
        | DomctlCmd::ShadowOp
        | DomctlCmd::HypercallInit
        | DomctlCmd::GetPageFrameInfo3
        | DomctlCmd::GetCpuPolicy
        | DomctlCmd::SetCpuPolicy => return Err(Errno::Enosys),
    }
    Ok(Outcome::Done(0))
}

/// Width of a PV domain's addresses.
const ADDRESS_BITS: u32 = 64;

/// `EINVAL` if the domain is the caller.
fn require_other(current: &Current, domain: &Domain) -> Result<(), Errno> {
    if domain.id == current.domain().id { Err(Errno::Einval) } else { Ok(()) }
}

/// Destroys the domain. Each execution does one step, until nothing is left to do.
fn destroy(current: &Current, domain: &Domain, request: &Request) -> Result<Outcome, Errno> {
    require_other(current, domain)?;
    Ok(match life::destroy_step(domain) {
        Progress::More => request.again(),
        Progress::Done => Outcome::Done(0),
    })
}

fn scheduler_op(domain: &Domain, request: Request) -> Result<(), Errno> {
    let op: SchedulerOp = request.payload()?;
    if op.sched_id != SCHEDULER_CREDIT {
        return Err(Errno::Einval);
    }
    match op.cmd {
        SCHEDOP_PUTINFO => {
            let weight = u32::from(op.weight);
            // 0 leaves the weight as it is.
            if (MIN_WEIGHT..=MAX_WEIGHT).contains(&weight) {
                domain.vcpus().for_each(|vcpu| schedule::set_weight(vcpu, weight));
            }
            Ok(())
        }
        SCHEDOP_GETINFO => {
            let weight = domain.vcpu(0).map_or(0, |vcpu| vcpu.account.get().weight());
            let weight = u16::try_from(weight).unwrap_or(u16::MAX);
            request.answer(&SchedulerOp { weight, cap: 0, ..op })
        }
        _ => Err(Errno::Einval),
    }
}
