// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two address spaces of a PV guest: one root of page tables for its kernel, one for its user
//! mode. The hypervisor's slots are the same in both, but for the M2P: as on Xen only a root that a
//! kernel uses has it, so that user mode cannot read which frames there are.
use core::sync::atomic::Ordering;

use hv_core::frame_memory::FrameMemory;
use hv_core::page_table::HYPERVISOR_FIRST_SLOT;
use xen_abi::frame::{Maddr, Mfn};
use xen_abi::vm_assist::VmAssistType;

use crate::arch::control;
use crate::machine::{Host, m2p_entry};
use crate::segment;
use crate::vcpu::Vcpu;

/// Makes `root`, which a reference keeps an L4, the root of the kernel.
pub fn set_kernel_root(vcpu: &Vcpu, root: Mfn) {
    Host.write_u64(m2p_slot(root), m2p_entry());
    vcpu.kernel_root.set(Some(root));
}

/// Makes `root`, which a reference keeps an L4, the root of user mode. One that a kernel has used
/// loses the M2P if the guest wants that (`VMASST_TYPE_m2p_strict`).
pub fn set_user_root(vcpu: &Vcpu, root: Option<Mfn>) {
    let assists = vcpu.domain().vm_assist.load(Ordering::Relaxed);
    let strict = assists & VmAssistType::M2pStrict.bit() != 0;
    if let Some(root) = root.filter(|root| strict && vcpu.kernel_root.get() != Some(*root)) {
        Host.write_u64(m2p_slot(root), 0);
    }
    vcpu.user_root.set(root);
}

fn m2p_slot(root: Mfn) -> Maddr {
    Maddr::new(root.maddr().get() + HYPERVISOR_FIRST_SLOT * 8)
}

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
