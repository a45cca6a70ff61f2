// SPDX-License-Identifier: MIT OR Apache-2.0
//! `hvm_op`: parameters of PVH domains.
use hv_core::hvm::local_apic::FIRST_VECTOR;
use hv_core::hvm::params::Who;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::hvm::{EvtchnUpcallVector, HvmOp, HvmParamArg};

use super::argument::{Named, controlled_domain};
use crate::current::Current;
use crate::domain::Domain;
use crate::guest_ptr::GuestPtr;
use crate::hvm::events;
use crate::time;

/// `hvm_op(op, argument)`. `ENOSYS` for what is not known.
pub fn hvm_op(current: &Current, op: u32, argument: GuestPtr) -> Result<u64, Errno> {
    match HvmOp::try_from(op)? {
        HvmOp::SetParam => {
            let request = argument.cast::<HvmParamArg>().read()?;
            let (domain, who) = target(current, request.domid)?;
            let hvm = domain.hvm.as_ref().ok_or(Errno::Einval)?;
            hvm.params.lock().write(who, request.index, request.value)?;
        }
        HvmOp::GetParam => {
            let at = argument.cast::<HvmParamArg>();
            let request = at.read()?;
            let (domain, who) = target(current, request.domid)?;
            let hvm = domain.hvm.as_ref().ok_or(Errno::Einval)?;
            let value = hvm.params.lock().read(who, request.index)?;
            at.write(&HvmParamArg { value, ..request })?;
        }
        HvmOp::GetTime => return Ok(time::now_ns()),
        HvmOp::SetEvtchnUpcallVector => {
            let request = argument.cast::<EvtchnUpcallVector>().read()?;
            set_upcall_vector(current.domain(), request)?;
        }
        HvmOp::FlushTlbs | HvmOp::PagetableDying => return Err(Errno::Enosys),
    }
    Ok(0)
}

/// `EINVAL` for a PV domain and for vectors of exceptions, `ENOENT` for a vCPU that there is not.
fn set_upcall_vector(domain: &Domain, request: EvtchnUpcallVector) -> Result<(), Errno> {
    if domain.hvm.is_none() || request.vector < FIRST_VECTOR {
        return Err(Errno::Einval);
    }
    let vcpu = domain.vcpu(request.vcpu).ok_or(Errno::Enoent)?;
    events::set_upcall_vector(vcpu, request.vector);
    Ok(())
}

/// The domain, and as whom the caller acts for it. `ESRCH`, `EPERM`; the call is not for PV domains
/// (`EINVAL`).
fn target(current: &Current, id: DomId) -> Result<(Named<'_>, Who), Errno> {
    let domain = controlled_domain(current, id)?;
    let who = if domain.id == current.domain().id { Who::Guest } else { Who::Controller };
    Ok((domain, who))
}
