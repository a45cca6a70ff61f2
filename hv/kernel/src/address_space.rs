// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two address spaces of a PV guest: one root of page tables for its kernel, one for its user
//! mode. The hypervisor's slots are the same in both.
use xen_abi::frame::Mfn;

use crate::arch::control;
use crate::segment;
use crate::vcpu::Vcpu;

/// Loads the root for the mode the vCPU is in, and drops stale translations.
pub fn load(vcpu: &Vcpu) {
    let root = if vcpu.in_kernel.get() { vcpu.kernel_root.get() } else { vcpu.user_root.get() };
    load_root(root.expect("a vCPU runs only with page tables"));
}

/// Loads `root`, a validated L4.
pub fn load_root(root: Mfn) {
    // SAFETY: validation puts the hypervisor's slots into every L4.
    unsafe { control::set_cr3(root.maddr().get()) }
}

/// Switches from kernel to user mode; false, and nothing changed, if user mode has no root.
pub fn enter_user(vcpu: &Vcpu) -> bool {
    let Some(root) = vcpu.user_root.get() else { return false };
    segment::toggle(vcpu, false);
    vcpu.in_kernel.set(false);
    load_root(root);
    true
}

/// Switches from user to kernel mode.
pub fn enter_kernel(vcpu: &Vcpu) {
    segment::toggle(vcpu, true);
    vcpu.in_kernel.set(true);
    load(vcpu);
}
