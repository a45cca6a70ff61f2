// SPDX-License-Identifier: MIT OR Apache-2.0
//! `platform_op`: the host's hardware. No operation is built: the first domain finds what it needs
//! of the hardware by itself.
use xen_abi::errno::Errno;
use xen_abi::platform::{INTERFACE_VERSION, PlatformOpHeader};

use super::argument::require_privilege;
use crate::current::Current;
use crate::guest_ptr::GuestPtr;

/// `platform_op(struct)`. `EACCES` for another version of the interface, `EPERM` for a caller
/// without privilege, else `ENOSYS`.
pub fn platform_op(current: &Current, argument: GuestPtr<PlatformOpHeader>) -> Result<u64, Errno> {
    if argument.read()?.interface_version != INTERFACE_VERSION {
        return Err(Errno::Eacces);
    }
    require_privilege(current)?;
    Err(Errno::Enosys)
}
