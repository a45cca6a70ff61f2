// SPDX-License-Identifier: MIT OR Apache-2.0
//! The [`ControlBlock`] of AMD-V.
use core::ptr::NonNull;

use hv_core::hvm::control::EFER_LME;
use hv_core::hvm::instruction::length_up_to;
use hv_core::hvm::paging::{CR4_PAE, Paging};
use hv_core::instruction_bytes::SegmentRegister;
use xen_abi::frame::Mfn;
use xen_abi::hvm_save::HvmCpu;

use super::exit;
use super::features::{EFER_SVME, svm};
use super::intercept;
use super::vmcb::{NmiMask, Vmcb, segment};
use crate::hvm::MemoryKind;
use crate::hvm::control_block::{ControlBlock, EntryWords, Request, Segment, Translations};
use crate::hvm::exit_reason::Exit;
use crate::memory::{direct_map, frames};
use crate::vcpu::Vcpu;

/// The word of virtual interrupts.
mod virtual_interrupt {
    pub(super) const TASK_PRIORITY: u64 = 0xff;
    pub(super) const REQUEST: u64 = 1 << 8;
    pub(super) const IGNORE_PRIORITY: u64 = 1 << 20;
    /// The host's interrupt flag decides over the host's interrupts.
    pub(super) const MASKING: u64 = 1 << 24;
    pub(super) const VECTOR_SHIFT: u32 = 32;
}

/// The word of an event to be delivered.
mod event {
    pub(super) const VALID: u64 = 1 << 31;
}

/// A control block for a vCPU without registers; `None` without memory.
pub(super) fn make() -> Option<&'static dyn ControlBlock> {
    let svm = svm()?;
    let place = frames::alloc_for::<Vmcb>()?;
    // SAFETY: zeroed memory is a valid control block, and lives until `free`.
    let vmcb: &'static Vmcb = unsafe { place.as_ref() };
    vmcb.debug_registers.set(intercept::DEBUG);
    vmcb.io_map.set(svm.io_map.maddr().get());
    vmcb.msr_map.set(svm.msr_map.maddr().get());
    vmcb.nmi_mask.set(NmiMask::Open);
    Some(vmcb)
}

impl Vmcb {
    fn is_shadowed(&self) -> bool {
        self.nested.get() == 0
    }

    /// Whether one of the first word's instructions or events leaves the guest.
    fn intercept_first(&self, bit: u32, on: bool) {
        let [first, second] = self.instructions.get();
        let first = if on { first | bit } else { first & !bit };
        self.instructions.set([first, second]);
    }

    /// The guest returns from its NMI handler; once it has, it can take another.
    pub(super) fn end_nmi(&self) {
        self.nmi_mask.set(NmiMask::Return(self.rip.get()));
        self.intercept_first(intercept::IRET, false);
    }
}

impl ControlBlock for Vmcb {
    fn free(&'static self) {
        frames::free_for(NonNull::from(self));
    }

    /// Machine addresses: of this, and where the host's part of vmload and vmsave is.
    fn prepare(&self, vcpu: &Vcpu, translations: Translations) -> EntryWords {
        const FLUSH_ALL: u32 = 1;
        let regs = &vcpu.regs;
        self.rax.set(regs.rax.get());
        self.rip.set(regs.rip.get());
        self.rsp.set(regs.rsp.get());
        self.rflags.set(regs.rflags.get());
        // What is cached of nested tables has the tag too.
        self.asid.set(translations.tag);
        self.tlb_control.set(if translations.forget_all { FLUSH_ALL } else { 0 });
        let host = svm().expect("a vCPU with a control block needs AMD-V").host.maddr().get();
        EntryWords(direct_map::maddr(self).get(), host)
    }

    fn exit(&self, vcpu: &Vcpu) -> Exit {
        let regs = &vcpu.regs;
        regs.rax.set(self.rax.get());
        regs.rip.set(self.rip.get());
        regs.rsp.set(self.rsp.get());
        regs.rflags.set(self.rflags.get());
        exit::reason(vcpu, self)
    }

    fn inject(&self, vector: u8, error_code: Option<u32>) {
        const EXCEPTION: u64 = 3 << 8;
        const HAS_ERROR_CODE: u64 = 1 << 11;
        let error = error_code.map_or(0, |code| u64::from(code) << 32 | HAS_ERROR_CODE);
        self.event.set(u64::from(vector) | EXCEPTION | event::VALID | error);
    }

    fn inject_nmi(&self) -> bool {
        const NMI: u64 = 2 << 8 | 2;
        let can_take = match self.nmi_mask.get() {
            NmiMask::Open => true,
            NmiMask::Handler => false,
            NmiMask::Return(rip) => rip != self.rip.get(),
        };
        if !can_take || self.event.get() & event::VALID != 0 || self.shadow.get() & 1 != 0 {
            return false;
        }
        self.event.set(NMI | event::VALID);
        self.nmi_mask.set(NmiMask::Handler);
        self.intercept_first(intercept::IRET, true);
        true
    }

    fn request(&self, request: Request) {
        use virtual_interrupt::{IGNORE_PRIORITY, MASKING, REQUEST, TASK_PRIORITY, VECTOR_SHIFT};
        let kept = self.interrupt.get() & TASK_PRIORITY;
        let virtual_interrupt = match request {
            Request::Interrupt(vector) => {
                REQUEST | IGNORE_PRIORITY | u64::from(vector) << VECTOR_SHIFT
            }
            // Leaves instead of being delivered.
            Request::Window => REQUEST | IGNORE_PRIORITY,
            Request::Nothing | Request::TaskPriority => 0,
        };
        self.interrupt.set(kept | MASKING | virtual_interrupt);
        self.intercept_first(intercept::VIRTUAL_INTERRUPT, request == Request::Window);
        let controls = self.control_registers.get() & !intercept::WRITE_CR8;
        // QEMU 7.2 ends itself when CR8 is written beside a virtual interrupt that waits.
        let cr8 = if request == Request::Nothing { 0 } else { intercept::WRITE_CR8 };
        self.control_registers.set(controls | cr8);
    }

    fn is_interrupt_taken(&self) -> bool {
        self.interrupt.get() & virtual_interrupt::REQUEST == 0
    }

    fn task_priority(&self) -> u8 {
        let [priority, ..] = self.interrupt.get().to_le_bytes();
        priority & 0xf
    }

    fn set_task_priority(&self, class: u8) {
        let others = self.interrupt.get() & !virtual_interrupt::TASK_PRIORITY;
        self.interrupt.set(others | u64::from(class));
    }

    fn clear_interrupt_shadow(&self) {
        self.shadow.set(0);
    }

    /// Not every processor says.
    fn instruction_length(&self) -> Option<u8> {
        let next_rip = svm().filter(|svm| svm.saves_next_rip).map(|_| self.next_rip.get())?;
        length_up_to(self.rip.get(), next_rip)
    }

    fn set_paging_root(&self, root: Mfn) {
        if self.is_shadowed() {
            self.cr3.set(root.maddr().get());
        } else {
            self.nested_root.set(root.maddr().get());
        }
    }

    fn virtualize_memory(&self, kind: MemoryKind) {
        use intercept::{CONTROL, EXCEPTIONS, FIRST, SECOND};
        let (nested, control, exceptions, first) = match kind {
            MemoryKind::Nested => (1, CONTROL, 0, 0),
            MemoryKind::Shadow => (
                0,
                intercept::SHADOW_CONTROL,
                intercept::SHADOW_EXCEPTIONS,
                intercept::SHADOW_INSTRUCTIONS,
            ),
        };
        let paging = self.paging();
        self.nested.set(nested);
        self.set_paging(&paging);
        self.control_registers.set(control);
        self.exceptions.set(EXCEPTIONS | exceptions);
        self.instructions.set([FIRST | first, SECOND]);
    }

    /// Reads of CR0 and CR4 need to leave only while the guest is to see others.
    fn set_hardware(&self, paging: &Paging) {
        if self.is_shadowed() {
            let guest = self.paging();
            let read = |register: u32, differs: bool| if differs { 1 << register } else { 0 };
            let reads = read(0, guest.cr0 != paging.cr0) | read(4, guest.cr4 != paging.cr4);
            self.control_registers.set(intercept::SHADOW_CONTROL | reads);
        }
        self.cr0.set(paging.cr0);
        self.cr4.set(paging.cr4);
        self.efer.set(paging.efer | EFER_SVME);
    }

    fn paging(&self) -> Paging {
        let user = self.cpl.get() == 3;
        let [cr0, cr3, cr4, efer] = self.guest_controls.get();
        if self.is_shadowed() {
            return Paging { cr0, cr3, cr4, efer, user };
        }
        Paging {
            cr0: self.cr0.get(),
            cr3: self.cr3.get(),
            cr4: self.cr4.get(),
            efer: self.efer.get() & !EFER_SVME | efer & EFER_LME,
            user,
        }
    }

    fn set_paging(&self, paging: &Paging) {
        self.guest_controls.set([paging.cr0, paging.cr3, paging.cr4, paging.efer]);
        if self.is_shadowed() {
            return;
        }
        self.cr3.set(paging.cr3);
        // Without PAE, LME means nothing yet, and QEMU 7.2 would not give the host its CR0 back when
        // the guest leaves with both: it waits for PAE.
        let waits = if paging.cr4 & CR4_PAE == 0 { EFER_LME } else { 0 };
        self.set_hardware(&Paging { efer: paging.efer & !waits, ..*paging });
    }

    fn set_fault_address(&self, address: u64) {
        self.cr2.set(address);
    }

    fn set_tsc_offset(&self, offset: u64) {
        self.tsc_offset.set(offset);
    }

    fn cpl(&self) -> u8 {
        self.cpl.get()
    }

    fn segment(&self, register: SegmentRegister) -> Segment {
        self.segments[segment::index(register)].get()
    }

    fn pat(&self) -> u64 {
        self.pat.get()
    }

    fn set_pat(&self, value: u64) {
        self.pat.set(value);
    }

    fn debug(&self) -> [u64; 2] {
        [self.dr6.get(), self.dr7.get()]
    }

    fn set_debug(&self, [dr6, dr7]: [u64; 2]) {
        self.dr6.set(dr6);
        self.dr7.set(dr7);
    }

    fn set_state(&self, cpu: &HvmCpu) {
        self.write_all(cpu);
    }

    fn read_state(&self, cpu: &mut HvmCpu) {
        self.read_all(cpu);
    }
}
