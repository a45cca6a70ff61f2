// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Vmcs`]: a vCPU's virtual-machine control structure (chapter 25), and what VT-x leaves to the
//! hypervisor of a vCPU's state.
use core::ptr::NonNull;

use hv_core::word::low_half;
use xen_abi::frame::Maddr;

use super::field::Field;
use super::instruction::{vmclear, vmptrld, vmread, vmwrite};
use crate::arch::msr;
use crate::current::pcpu;
use crate::hvm::control_block::Request;
use crate::memory::{direct_map, frames};
use crate::run_cell::RunCell;

/// MSRs that are exchanged by way of memory: those of syscall, and the base for swapgs.
pub(super) const EXCHANGED_MSRS: [u32; 5] =
    [msr::STAR, msr::LSTAR, msr::CSTAR, msr::SYSCALL_MASK, msr::KERNEL_GS_BASE];

/// A register and its value, in a list of them (25.7.2).
#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub(super) struct MsrEntry {
    register: u32,
    _reserved: u32,
    value: u64,
}

impl MsrEntry {
    pub(super) const fn new(register: u32, value: u64) -> Self {
        Self { register, _reserved: 0, value }
    }
}

/// The control structure of a virtual CPU.
#[repr(C, align(4096))]
pub(super) struct Vmcs {
    /// The revision; the rest is the processor's, in a form that only it knows.
    region: [RunCell<u32>; 1024],
    /// The guest's values of [`EXCHANGED_MSRS`].
    msrs: [RunCell<MsrEntry>; EXCHANGED_MSRS.len()],
    /// It has been entered before.
    pub(super) is_launched: RunCell<bool>,
    /// The last entry failed: written by `enter.S`.
    pub(super) has_failed: RunCell<bool>,
    /// Its paging root is another one than at the last entry.
    pub(super) has_new_root: RunCell<bool>,
    /// The page directory pointers are to be read from memory.
    pub(super) has_stale_pointers: RunCell<bool>,
    /// There are no second-level tables.
    pub(super) is_shadowed: RunCell<bool>,
    /// Under shadow paging, CR3 and EFER as the guest sees them.
    pub(super) guest_cr3: RunCell<u64>,
    pub(super) guest_efer: RunCell<u64>,
    /// Address of the last page fault.
    pub(super) cr2: RunCell<u64>,
    /// Debug status.
    pub(super) dr6: RunCell<u64>,
    /// What the guest waits for.
    pub(super) request: RunCell<Request>,
    /// It has taken the interrupt that it waited for.
    pub(super) is_interrupt_taken: RunCell<bool>,
    /// CR8.
    pub(super) task_priority: RunCell<u8>,
}

impl Vmcs {
    /// One without any field; `None` without memory.
    pub(super) fn alloc(revision: u32) -> Option<&'static Self> {
        let place = frames::alloc_for::<Self>()?;
        // SAFETY: zeroed memory is a valid structure, and lives until `free`.
        let vmcs: &'static Self = unsafe { place.as_ref() };
        vmcs.region[0].set(revision);
        for (entry, register) in vmcs.msrs.iter().zip(EXCHANGED_MSRS) {
            entry.set(MsrEntry::new(register, 0));
        }
        vmcs.request.set(Request::Nothing);
        vmcs.clear();
        Some(vmcs)
    }

    /// Gives the memory back; no vCPU uses it any more.
    pub(super) fn free(&'static self) {
        self.clear();
        frames::free_for(NonNull::from(self));
    }

    /// Makes the processor forget it.
    fn clear(&self) {
        // SAFETY: the region is a frame with the revision, and of a vCPU that does not run.
        unsafe { vmclear(self.maddr()) }.expect("the region is a VMCS");
        if pcpu().vmcs.get() == Some(self.maddr()) {
            pcpu().vmcs.set(None);
        }
    }

    fn maddr(&self) -> Maddr {
        direct_map::maddr(self)
    }

    /// Makes it the one that the processor reads, writes and enters.
    fn load(&self) {
        let at = self.maddr();
        if pcpu().vmcs.get() != Some(at) {
            // SAFETY: the region is a frame with the revision that nobody else writes.
            unsafe { vmptrld(at) }.expect("the region is a VMCS");
            pcpu().vmcs.set(Some(at));
        }
    }

    /// The value of a field.
    pub(super) fn read(&self, field: Field) -> u64 {
        self.load();
        vmread(field)
    }

    /// The value of a field of 32 bits, or of less.
    pub(super) fn read_u32(&self, field: Field) -> u32 {
        low_half(self.read(field))
    }

    /// Sets a field.
    pub(super) fn write(&self, field: Field, value: u64) {
        self.load();
        vmwrite(field, value).expect("the processor has the controls that the field is for");
    }

    /// Sets a field of 32 bits.
    pub(super) fn write_u32(&self, field: Field, value: u32) {
        self.write(field, u64::from(value));
    }

    /// Where the guest's exchanged MSRs are.
    pub(super) fn msr_list(&self) -> Maddr {
        direct_map::maddr(&raw const self.msrs)
    }

    /// The guest's exchanged MSRs, in the order of [`EXCHANGED_MSRS`].
    pub(super) fn msrs(&self) -> [u64; EXCHANGED_MSRS.len()] {
        self.msrs.each_ref().map(|entry| entry.get().value)
    }

    /// Sets the guest's exchanged MSRs, in the order of [`EXCHANGED_MSRS`].
    pub(super) fn set_msrs(&self, values: [u64; EXCHANGED_MSRS.len()]) {
        for (entry, value) in self.msrs.iter().zip(values) {
            entry.update(|entry| MsrEntry { value, ..entry });
        }
    }
}
