// SPDX-License-Identifier: MIT OR Apache-2.0
//! The upcall mask, and with it the critical sections of crates that ask for them.
//!
//! All Rust code runs with upcalls masked; only SCHEDOP_block opens the mask, and the callback
//! (arch/trap.S) does nothing but let that call return with the mask closed. Events that come
//! meanwhile stay pending until the runtime collects them, so a section's end need not look.
use core::sync::atomic::Ordering;

use critical_section::RawRestoreState;

use crate::arch::vcpu_info;

struct UpcallMask;
critical_section::set_impl!(UpcallMask);

// SAFETY: one vCPU, and with its upcalls masked nothing but a crash interrupts it.
unsafe impl critical_section::Impl for UpcallMask {
    unsafe fn acquire() -> RawRestoreState {
        vcpu_info().evtchn_upcall_mask.swap(1, Ordering::AcqRel) != 0
    }

    unsafe fn release(was_masked: RawRestoreState) {
        vcpu_info().evtchn_upcall_mask.store(was_masked.into(), Ordering::Release);
    }
}

/// Masks upcalls for good: they are open only inside SCHEDOP_block.
pub(crate) fn mask() {
    vcpu_info().evtchn_upcall_mask.store(1, Ordering::Release);
}
