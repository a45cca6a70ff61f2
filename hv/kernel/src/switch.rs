// SPDX-License-Identifier: MIT OR Apache-2.0
//! From one vCPU to another, and idle.
use core::ptr;

use crate::arch::{control, descriptors};
use crate::current::pcpu;
use crate::memory::frames;
use crate::schedule::{self, VcpuRef};
use crate::vcpu::Vcpu;
use crate::{
    address_space, debugreg, descriptor_window, extended_state, guest_areas, nmi, segment, time,
    trap,
};

/// Lets the scheduler choose and returns the vCPU to continue with, loaded. Without one that
/// wants to run it waits for interrupts.
///
/// In idle the CPU still holds the state of the vCPU that ran last, page tables included: often
/// that one is the next as well, and nobody can take them away before another vCPU runs.
pub fn next_vcpu() -> VcpuRef {
    let pcpu = pcpu();
    // SAFETY: the pointer is null or that of a vCPU that exists while it is the pCPU's.
    let before = unsafe { pcpu.vcpu.get().as_ref() };
    loop {
        let Some(next) = schedule::choose() else {
            pcpu.vcpu.set(ptr::null());
            while !pcpu.reschedule.get() {
                control::wait_for_interrupt();
            }
            continue;
        };
        match before {
            Some(before) if ptr::eq(&raw const *next, before) => show(&next),
            Some(before) => {
                save(before);
                load(&next);
            }
            None => load(&next),
        }
        nmi::deliver(&next);
        return next;
    }
}

/// Stores what the CPU holds of a vCPU.
fn save(vcpu: &Vcpu) {
    if vcpu.is_hvm.get() {
        descriptors::load_gdt_limit();
    } else {
        segment::save(vcpu);
    }
    extended_state::save(vcpu);
    debugreg::unload(vcpu);
}

/// Makes a vCPU that the CPU holds the one that runs, and tells it the time.
fn show(vcpu: &Vcpu) {
    pcpu().set_vcpu(vcpu);
    time::update_vcpu_time(vcpu);
    guest_areas::update(vcpu);
}

/// Loads everything of a vCPU but its general and xmm registers, which the way out loads.
pub fn load(vcpu: &Vcpu) {
    if vcpu.is_hvm.get() {
        return load_hvm(vcpu);
    }
    descriptor_window::load(vcpu);
    address_space::load(vcpu);
    extended_state::load(vcpu);
    control::set_guest_bits(vcpu.cr4.get());
    if debugreg::is_used(vcpu) {
        debugreg::load(vcpu);
    }
    show(vcpu);
    if !segment::load(vcpu) {
        trap::failsafe(vcpu);
    }
}

/// The same for a vCPU of a PVH domain, whose own registers the processor loads at entry.
fn load_hvm(vcpu: &Vcpu) {
    address_space::load_root(frames::frames().root);
    extended_state::load(vcpu);
    if debugreg::is_used(vcpu) {
        debugreg::load_addresses(vcpu);
    }
    show(vcpu);
}
