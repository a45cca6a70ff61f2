// SPDX-License-Identifier: MIT OR Apache-2.0
//! `set_callbacks` and `callback_op`: where events, failed returns, system calls of user mode and
//! NMIs enter the guest's kernel.
use xen_abi::errno::Errno;
use xen_abi::frame::VirtAddr;
use xen_abi::trap::{
    CALLBACKF_MASK_EVENTS, CallbackOp, CallbackRegister, CallbackType, CallbackUnregister,
};

use super::nmi_op;
use crate::current::Current;
use crate::guest_ptr::GuestPtr;
use crate::vcpu::{Callback, Callbacks};

/// Sets the three callbacks of old; always succeeds. An address that cannot be entered ends the
/// domain when it is used.
pub fn set_callbacks(
    current: &Current,
    event: u64,
    failsafe: u64,
    syscall: u64,
) -> Result<u64, Errno> {
    let plain = |address| Callback { address, masks_events: false };
    current.vcpu().callbacks.update(|callbacks| Callbacks {
        event: plain(event),
        failsafe: plain(failsafe),
        syscall: plain(syscall),
        ..callbacks
    });
    Ok(0)
}

/// Registers or unregisters one callback.
///
/// # Errors
/// `ENOSYS` for an unknown command or type, `EINVAL` for an address that is not canonical or a
/// callback that cannot be unregistered, `EFAULT`.
pub fn callback_op(current: &Current, command: u32, arg: GuestPtr) -> Result<u64, Errno> {
    match CallbackOp::try_from(command)? {
        CallbackOp::Register => register(current, &arg.cast::<CallbackRegister>().read()?),
        CallbackOp::Unregister => unregister(current, &arg.cast::<CallbackUnregister>().read()?),
    }
}

fn register(current: &Current, request: &CallbackRegister) -> Result<u64, Errno> {
    let kind = CallbackType::try_from(request.kind)?;
    if kind == CallbackType::Nmi {
        return nmi_op::register(current, request.address).map(|()| 0);
    }
    if !VirtAddr::new(request.address).is_canonical() {
        return Err(Errno::Einval);
    }
    let callback = Callback {
        address: request.address,
        masks_events: request.flags & CALLBACKF_MASK_EVENTS != 0,
    };
    current.vcpu().callbacks.update(|mut callbacks| {
        match kind {
            CallbackType::Event => callbacks.event = callback,
            CallbackType::Failsafe => callbacks.failsafe = callback,
            CallbackType::Syscall => callbacks.syscall = callback,
            CallbackType::SysenterDeprecated | CallbackType::Sysenter => {
                callbacks.sysenter = callback;
            }
            CallbackType::Syscall32 => callbacks.syscall32 = callback,
            // Not here: above.
            CallbackType::Nmi => {}
        }
        callbacks
    });
    Ok(0)
}

fn unregister(current: &Current, request: &CallbackUnregister) -> Result<u64, Errno> {
    match CallbackType::try_from(request.kind)? {
        CallbackType::Nmi => {
            nmi_op::unregister(current);
            Ok(0)
        }
        _ => Err(Errno::Einval),
    }
}
