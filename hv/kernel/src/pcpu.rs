// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Pcpu`]: the state of one physical CPU; gs points at it in ring 0.
use core::cell::UnsafeCell;
use core::ptr;

use crate::arch::descriptors::Tss;
use crate::run_cell::RunCell;
use crate::vcpu::Vcpu;

/// State of a pCPU. The first fields are known to the assembly by `offset_of!`.
#[repr(C, align(64))]
pub struct Pcpu {
    /// Its own address.
    pub this: RunCell<*const Pcpu>,
    /// The vCPU it runs; null while idle.
    pub vcpu: RunCell<*const Vcpu>,
    /// End of the hypervisor's stack, 16-byte aligned.
    pub stack_top: RunCell<u64>,
    /// Where the syscall entry puts rsp before it has a stack.
    pub scratch: RunCell<u64>,
    /// The scheduler must run before a guest is entered.
    pub reschedule: RunCell<bool>,
    /// The task state segment.
    pub tss: UnsafeCell<Tss>,
}

// SAFETY: a pCPU's structure is touched by that pCPU only.
unsafe impl Sync for Pcpu {}

/// The boot CPU's state.
pub static BOOT_PCPU: Pcpu = Pcpu {
    this: RunCell::new(ptr::null()),
    vcpu: RunCell::new(ptr::null()),
    stack_top: RunCell::new(0),
    scratch: RunCell::new(0),
    reschedule: RunCell::new(false),
    tss: UnsafeCell::new(Tss::new()),
};
