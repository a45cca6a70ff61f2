// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events of a PVH guest: one interrupt vector for all of them, which needs no end of interrupt.
use core::arch::asm;

use xen_abi::hvm::{CallbackVia, HvmParam};

use crate::hypercall::hvm;

/// The vector: the first behind those of the processor.
pub(super) const VECTOR: u8 = 32;

/// Asks for the vector. Its gate is in descriptors.rs.
pub(super) fn init() {
    hvm::set_param(HvmParam::CallbackIrq, CallbackVia::Vector(VECTOR).raw())
        .expect("a domain may choose how events interrupt it");
}

/// Switches interrupts off; whether they were off.
pub(super) fn mask() -> bool {
    const IF: u64 = 1 << 9;
    let flags: u64;
    // SAFETY: no interrupt is waited for but in `sleep`.
    unsafe { asm!("pushfq", "pop {}", "cli", out(reg) flags) };
    flags & IF == 0
}

/// Switches interrupts on: the handler (trap.S) keeps every register.
pub(super) fn unmask() {
    // SAFETY: the gate of the only vector that comes leads to its handler.
    unsafe { asm!("sti") };
}

/// Waits for an interrupt, or finds that one is pending.
pub(super) fn sleep() {
    // SAFETY: as for `unmask`; interrupts are off again afterwards.
    unsafe { minios_pvh_sleep() };
}

unsafe extern "C" {
    /// arch/pvh/trap.S.
    fn minios_pvh_sleep();
}
