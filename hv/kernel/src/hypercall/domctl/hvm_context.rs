// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of a PVH domain's vCPU, in records.
use hv_core::hvm::context::{MAX_BYTES, cpu_of};
use xen_abi::domctl::HvmContext;
use xen_abi::errno::Errno;

use super::Request;
use crate::domain::Domain;
use crate::guest_ptr::GuestPtr;
use crate::hvm::state;

/// Sets the registers of a vCPU that never ran. `EINVAL` for a PV domain and for records that are
/// none, `EOPNOTSUPP` for a vCPU that has its registers, `EFAULT`.
pub(super) fn set(domain: &Domain, request: &Request) -> Result<(), Errno> {
    let HvmContext { size, buffer, .. } = request.payload()?;
    if domain.hvm.is_none() || domain.life.lock().is_dying() {
        return Err(Errno::Einval);
    }
    let vcpu = domain.vcpu(0).ok_or(Errno::Einval)?;
    if vcpu.hvm.is_ready.get() {
        return Err(Errno::Eopnotsupp);
    }
    let mut records = [0; MAX_BYTES];
    let size = usize::try_from(size).map_err(|_| Errno::Einval)?;
    let records = records.get_mut(..size).ok_or(Errno::Einval)?;
    GuestPtr::new(buffer).read_slice(records)?;
    state::set(vcpu, &cpu_of(records)?);
    Ok(())
}
