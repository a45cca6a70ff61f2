// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hypervisor's count of itself.
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;

use crate::arch::hypercall::hypercall;

/// Lets the hypervisor count all references again; returns how many differ from what it believed,
/// each of which it has printed.
///
/// # Errors
/// `ENOSYS` of a hypervisor that has no such call: a release build, or the real Xen. `EPERM` for
/// all but the first domain.
pub fn audit() -> Result<u64, Errno> {
    // SAFETY: the call touches no memory of ours.
    Errno::from_return(unsafe { hypercall(Hypercall::Audit, [0; 5]) })
}
