// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Pcpu`]: the state of one physical CPU; gs points at it in ring 0.
use core::cell::UnsafeCell;
use core::ptr;

use hv_core::hvm::tag::Tags;
use xen_abi::frame::{Maddr, Mfn};

use crate::arch::descriptors::{Tss, own_gdt_part};
use crate::arch::msr;
use crate::memory::direct_map;
use crate::memory::layout::STACKS;
use crate::run_cell::RunCell;
use crate::vcpu::{FRAME_END, Vcpu};

/// State of a pCPU. The first fields are known to the assembly by `offset_of!`.
#[repr(C, align(64))]
pub struct Pcpu {
    /// Its own address.
    pub this: RunCell<*const Pcpu>,
    /// Behind the register area of the vCPU it runs, as in `rsp0` of the TSS.
    pub frame_end: RunCell<u64>,
    /// End of the hypervisor's stack, 16-byte aligned.
    pub stack_top: RunCell<u64>,
    /// Where the syscall entry puts rsp before it has a stack.
    pub scratch: RunCell<u64>,
    /// The vCPU it runs; null while idle.
    pub vcpu: RunCell<*const Vcpu>,
    /// That vCPU is one of a PVH domain: its addresses are not those of ring 0's page tables.
    pub is_hvm: RunCell<bool>,
    /// The scheduler must run before a guest is entered.
    pub reschedule: RunCell<bool>,
    /// The hypervisor's part of its GDT.
    pub own_gdt: RunCell<Mfn>,
    /// The VMCS that is loaded.
    pub vmcs: RunCell<Option<Maddr>>,
    /// The tags of translations of PVH guests.
    pub tags: RunCell<Tags>,
    /// The task state segment.
    tss: UnsafeCell<Tss>,
}

// SAFETY: a pCPU's structure is touched by that pCPU only.
unsafe impl Sync for Pcpu {}

/// The boot CPU's state.
pub static BOOT_PCPU: Pcpu = Pcpu {
    this: RunCell::new(ptr::null()),
    frame_end: RunCell::new(0),
    stack_top: RunCell::new(0),
    scratch: RunCell::new(0),
    vcpu: RunCell::new(ptr::null()),
    is_hvm: RunCell::new(false),
    reschedule: RunCell::new(false),
    own_gdt: RunCell::new(Mfn::new(0)),
    vmcs: RunCell::new(None),
    tags: RunCell::new(Tags::new(0)),
    tss: UnsafeCell::new(Tss::new()),
};

impl Pcpu {
    /// Fills in the stacks and writes the hypervisor's part of the GDT to frame `own_gdt`.
    pub fn init(&'static self, own_gdt: Mfn) {
        self.this.set(self);
        self.stack_top.set(STACKS[0].top());
        self.own_gdt.set(own_gdt);
        for (index, place) in STACKS[1..].iter().enumerate() {
            // The entry code of these stacks finds the pCPU by the word at their end.
            let top = place.top() - 16;
            // SAFETY: the stack is mapped and not in use.
            unsafe { (top as *mut *const Self).write(self) }
            // SAFETY: the TSS is this pCPU's and not loaded yet.
            unsafe { (*self.tss.get()).ist[index] = top }
        }
        let part: *mut [u64; 12] = direct_map::pointer(own_gdt.maddr());
        // SAFETY: the frame is the pCPU's own.
        unsafe { part.write(own_gdt_part(self.tss.get())) }
    }

    /// The task state segment.
    pub fn tss(&self) -> *const Tss {
        self.tss.get()
    }

    /// Points gs of ring 0 at this structure.
    pub fn load_gs(&'static self) {
        msr::write(msr::GS_BASE, &raw const *self as u64);
        msr::write(msr::KERNEL_GS_BASE, 0);
    }

    /// Makes `vcpu` the one whose register area the entry code uses.
    pub fn set_vcpu(&self, vcpu: &Vcpu) {
        let frame_end = &raw const *vcpu as u64 + FRAME_END as u64;
        self.vcpu.set(vcpu);
        self.is_hvm.set(vcpu.is_hvm.get());
        self.frame_end.set(frame_end);
        // SAFETY: the TSS is this pCPU's; the CPU reads it only on a trap from ring 3.
        unsafe { (*self.tss.get()).rsp[0] = frame_end }
    }
}
