// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's data segments: selectors and bases.
//!
//! While a vCPU runs, fs base and the active gs base are in the CPU (in ring 0 the latter is in
//! `KERNEL_GS_BASE`, because of swapgs); the gs base of the other mode is in [`SegmentState`].
//! While it does not run, all of it is there.
use core::arch::{asm, global_asm};

use crate::arch::msr;
use crate::vcpu::{SegmentState, Vcpu};

global_asm!(include_str!("entry/load_selector.S"));

unsafe extern "C" {
    /// Loads ds, es, fs or gs (0 to 3); returns 0, or 1 if the CPU refused, with a null selector
    /// loaded instead. For gs it swaps, so that the guest's base is the one that changes.
    fn load_selector(register: u32, selector: u16) -> u64;
}

/// Exchanges the gs bases when a vCPU goes from user to kernel mode or back; `in_kernel` is the
/// new mode.
pub fn toggle(vcpu: &Vcpu, in_kernel: bool) {
    let active = msr::read(msr::KERNEL_GS_BASE);
    let mut segments = vcpu.segments.get();
    let next = if in_kernel {
        segments.gs_base_user = active;
        segments.gs_base_kernel
    } else {
        segments.gs_base_kernel = active;
        segments.gs_base_user
    };
    vcpu.segments.set(segments);
    msr::write(msr::KERNEL_GS_BASE, next);
}

/// Stores selectors and bases of the vCPU that stops running.
pub fn save(vcpu: &Vcpu) {
    let mut segments = vcpu.segments.get();
    segments.selectors = read_selectors();
    segments.fs_base = msr::read(msr::FS_BASE);
    let active = msr::read(msr::KERNEL_GS_BASE);
    if vcpu.in_kernel.get() {
        segments.gs_base_kernel = active;
    } else {
        segments.gs_base_user = active;
    }
    vcpu.segments.set(segments);
}

/// Loads selectors and bases of the vCPU that starts running. Returns whether the CPU took all
/// selectors.
pub fn load(vcpu: &Vcpu) -> bool {
    let segments = vcpu.segments.get();
    let mut accepted = true;
    for (register, (selector, now)) in (0..).zip(segments.selectors.iter().zip(read_selectors())) {
        if *selector != now || *selector > 3 {
            // SAFETY: a wrong selector is replaced by null.
            accepted &= unsafe { load_selector(register, *selector) } == 0;
        }
    }
    msr::write(msr::FS_BASE, segments.fs_base);
    let active = if vcpu.in_kernel.get() { segments.gs_base_kernel } else { segments.gs_base_user };
    msr::write(msr::KERNEL_GS_BASE, active);
    accepted
}

/// Which base is meant, as the guest's kernel sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// fs, the same in both modes.
    Fs,
    /// gs in kernel mode.
    GsKernel,
    /// gs in user mode.
    GsUser,
}

/// A base of the vCPU that runs.
pub fn base(vcpu: &Vcpu, which: Base) -> u64 {
    let in_kernel = vcpu.in_kernel.get();
    match which {
        Base::Fs => msr::read(msr::FS_BASE),
        Base::GsKernel if in_kernel => msr::read(msr::KERNEL_GS_BASE),
        Base::GsUser if !in_kernel => msr::read(msr::KERNEL_GS_BASE),
        Base::GsKernel => vcpu.segments.get().gs_base_kernel,
        Base::GsUser => vcpu.segments.get().gs_base_user,
    }
}

/// Sets a base of the vCPU that runs to a canonical address.
pub fn set_base(vcpu: &Vcpu, which: Base, base: u64) {
    let in_kernel = vcpu.in_kernel.get();
    match which {
        Base::Fs => msr::write(msr::FS_BASE, base),
        Base::GsKernel if in_kernel => msr::write(msr::KERNEL_GS_BASE, base),
        Base::GsUser if !in_kernel => msr::write(msr::KERNEL_GS_BASE, base),
        Base::GsKernel => {
            vcpu.segments.update(|segments| SegmentState { gs_base_kernel: base, ..segments });
        }
        Base::GsUser => {
            vcpu.segments.update(|segments| SegmentState { gs_base_user: base, ..segments });
        }
    }
}

/// Loads gs with a selector for user mode, on behalf of the kernel, which runs.
pub fn load_user_gs(vcpu: &Vcpu, selector: u16) {
    const GS: u32 = 3;
    let kernel = msr::read(msr::KERNEL_GS_BASE);
    // SAFETY: a wrong selector is replaced by null.
    unsafe { load_selector(GS, selector) };
    let gs_base_user = msr::read(msr::KERNEL_GS_BASE);
    msr::write(msr::KERNEL_GS_BASE, kernel);
    vcpu.segments.update(|segments| SegmentState { gs_base_user, ..segments });
}

/// ds, es, fs, gs.
pub fn read_selectors() -> [u16; 4] {
    let (ds, es, fs, gs): (u16, u16, u16, u16);
    // SAFETY: reading registers changes nothing.
    unsafe {
        asm!("mov {:x}, ds", "mov {:x}, es", "mov {:x}, fs", "mov {:x}, gs",
            out(reg) ds, out(reg) es, out(reg) fs, out(reg) gs, options(nostack, preserves_flags));
    }
    [ds, es, fs, gs]
}
