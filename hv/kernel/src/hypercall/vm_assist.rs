// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vm_assist`: what a guest wants to be done for it.
use core::sync::atomic::Ordering;

use xen_abi::errno::Errno;
use xen_abi::vm_assist::{VmAssistCmd, VmAssistType};

use crate::current::Current;

/// `vm_assist(cmd, type)`. `EINVAL` for an unknown type, `ENOSYS` for an unknown command.
pub fn vm_assist(current: &Current, cmd: u32, kind: u32) -> Result<u64, Errno> {
    let kind = VmAssistType::try_from(kind).map_err(|_| Errno::Einval)?;
    let assists = &current.domain().vm_assist;
    match VmAssistCmd::try_from(cmd)? {
        VmAssistCmd::Enable => assists.fetch_or(kind.bit(), Ordering::Relaxed),
        VmAssistCmd::Disable => assists.fetch_and(!kind.bit(), Ordering::Relaxed),
    };
    Ok(0)
}
