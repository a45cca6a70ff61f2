// SPDX-License-Identifier: MIT OR Apache-2.0
//! From one vCPU to another, and idle.
use core::ptr;

use crate::arch::control;
use crate::current::pcpu;
use crate::memory::frames::frames;
use crate::schedule::{self, VcpuRef};
use crate::vcpu::Vcpu;
use crate::{address_space, debugreg, descriptor_window, guest_areas, segment, time, trap};

/// Lets the scheduler choose and returns the vCPU to continue with, loaded. Without one that
/// wants to run it waits for interrupts.
pub fn next_vcpu() -> VcpuRef {
    loop {
        let before = pcpu().vcpu.get();
        match schedule::choose() {
            Some(next) if ptr::eq(&raw const *next, before) => return next,
            Some(next) => {
                park();
                load(&next);
                return next;
            }
            None => {
                park();
                while !pcpu().reschedule.get() {
                    control::wait_for_interrupt();
                }
            }
        }
    }
}

/// Stores what the CPU holds of the vCPU that ran; the pCPU is idle then.
fn park() {
    let pcpu = pcpu();
    // SAFETY: the pointer is null or that of a vCPU that exists while it is the pCPU's.
    let Some(vcpu) = (unsafe { pcpu.vcpu.get().as_ref() }) else { return };
    segment::save(vcpu);
    vcpu.fpu.save();
    debugreg::unload(vcpu);
    address_space::load_root(frames().root);
    pcpu.vcpu.set(ptr::null());
}

/// Loads everything of a vCPU but its general and xmm registers, which the way out loads.
pub fn load(vcpu: &Vcpu) {
    pcpu().set_vcpu(vcpu);
    descriptor_window::load(vcpu);
    address_space::load(vcpu);
    vcpu.fpu.load();
    control::set_guest_bits(vcpu.cr4.get());
    if debugreg::is_used(vcpu) {
        debugreg::load(vcpu);
    }
    time::update_vcpu_time(vcpu);
    if !segment::load(vcpu) {
        trap::failsafe(vcpu);
    }
    guest_areas::update(vcpu);
}
