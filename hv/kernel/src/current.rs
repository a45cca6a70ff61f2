// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vCPU on whose behalf this pCPU entered ring 0, and the state of the pCPU itself.
use core::arch::asm;
use core::mem::offset_of;
use core::ptr::NonNull;

use crate::domain::Domain;
use crate::pcpu::Pcpu;
use crate::vcpu::Vcpu;

/// The vCPU that made the hypercall or took the trap, and through it its domain.
#[derive(Clone, Copy)]
pub struct Current {
    vcpu: NonNull<Vcpu>,
}

impl Current {
    /// Called on the way in, with what the entry code found.
    pub(crate) fn new(vcpu: &Vcpu) -> Self {
        Self { vcpu: NonNull::from(vcpu) }
    }

    /// The vCPU.
    pub fn vcpu(&self) -> &Vcpu {
        // SAFETY: a current vCPU stays until its pCPU leaves ring 0 or schedules another.
        unsafe { self.vcpu.as_ref() }
    }

    /// Its domain.
    pub fn domain(&self) -> &Domain {
        self.vcpu().domain()
    }
}

/// Whether the scheduler must run before a guest is entered: [`Pcpu::reschedule`], by one
/// instruction.
pub fn reschedule_requested() -> bool {
    let flag: u8;
    // SAFETY: gs points at the pCPU's structure.
    unsafe {
        asm!("mov {}, gs:[{}]", out(reg_byte) flag, const offset_of!(Pcpu, reschedule),
            options(nostack, readonly, preserves_flags));
    }
    flag != 0
}

/// The vCPU that runs on this pCPU, if it is one of a PVH domain.
#[inline(always)]
pub fn hvm_vcpu() -> Option<&'static Vcpu> {
    let flag: u8;
    // SAFETY: gs points at the pCPU's structure.
    unsafe {
        asm!("mov {}, gs:[{}]", out(reg_byte) flag, const offset_of!(Pcpu, is_hvm),
            options(nostack, readonly, preserves_flags));
    }
    if flag == 0 {
        return None;
    }
    // SAFETY: null or a vCPU that exists while it is the pCPU's.
    unsafe { pcpu().vcpu.get().as_ref() }
}

/// The state of the pCPU that executes this.
pub fn pcpu() -> &'static Pcpu {
    let address: *const Pcpu;
    // SAFETY: in ring 0 gs points at the pCPU's structure, whose first field is its own address.
    unsafe {
        asm!("mov {}, gs:[{}]", out(reg) address, const offset_of!(Pcpu, this),
            options(nostack, readonly, preserves_flags, pure));
    }
    // SAFETY: pCPU structures are never freed, and their fields are cells.
    unsafe { &*address }
}
