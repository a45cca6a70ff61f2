// SPDX-License-Identifier: MIT OR Apache-2.0
//! `nmi_op`: where a guest takes non-maskable interrupts.
use core::sync::atomic::Ordering;

use xen_abi::errno::Errno;
use xen_abi::frame::VirtAddr;
use xen_abi::nmi::{NmiCallback, NmiOp};
use xen_abi::trap::{FLAT_KERNEL_CS, TrapFlags, TrapInfo, VECTOR_NMI};

use crate::current::Current;
use crate::guest_ptr::GuestPtr;
use crate::nmi;

/// `nmi_op(op, argument)`. `ENOSYS` for an unknown operation, `EINVAL` for an address that is not
/// canonical, `EFAULT`.
pub fn nmi_op(current: &Current, op: u32, argument: GuestPtr) -> Result<u64, Errno> {
    match NmiOp::try_from(op)? {
        NmiOp::RegisterCallback => {
            let NmiCallback { handler_address, .. } = argument.cast().read()?;
            register(current, handler_address)?;
        }
        NmiOp::UnregisterCallback => unregister(current),
    }
    Ok(0)
}

/// Makes `address` the handler of the caller's NMIs; one that came before comes now.
pub(super) fn register(current: &Current, address: u64) -> Result<(), Errno> {
    if !VirtAddr::new(address).is_canonical() {
        return Err(Errno::Einval);
    }
    let (vector, flags, cs) = (VECTOR_NMI, TrapFlags::MASK_EVENTS, FLAT_KERNEL_CS);
    set(current, TrapInfo { vector, flags, cs, address, ..TrapInfo::default() });
    if current.domain().shared_info().arch.nmi_reason.load(Ordering::Relaxed) != 0 {
        nmi::send(current.vcpu());
    }
    Ok(())
}

pub(super) fn unregister(current: &Current) {
    set(current, TrapInfo::default());
}

fn set(current: &Current, handler: TrapInfo) {
    if let Some(trap) = current.vcpu().traps.get(usize::from(VECTOR_NMI)) {
        trap.set(handler);
    }
}
