// SPDX-License-Identifier: MIT OR Apache-2.0
//! The upcall mask, and with it the critical sections of crates that ask for them.
//!
//! All Rust code runs with upcalls masked; only [`sleep`] opens the mask, and what an event then
//! enters does nothing but end the sleep with the mask closed. Events that come meanwhile stay
//! pending until the runtime collects them, so a section's end need not look.
use critical_section::RawRestoreState;

use crate::arch::platform;

struct UpcallMask;
critical_section::set_impl!(UpcallMask);

// SAFETY: one vCPU, and with its upcalls masked nothing but a crash interrupts it.
unsafe impl critical_section::Impl for UpcallMask {
    unsafe fn acquire() -> RawRestoreState {
        platform().mask_upcalls()
    }

    unsafe fn release(was_masked: RawRestoreState) {
        if !was_masked {
            platform().unmask_upcalls();
        }
    }
}

/// Sleeps until an event is pending.
pub(crate) fn sleep() {
    platform().sleep();
}
