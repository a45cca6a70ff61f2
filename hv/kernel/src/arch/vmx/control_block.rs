// SPDX-License-Identifier: MIT OR Apache-2.0
//! The [`ControlBlock`] of VT-x.
use hv_core::hvm::paging::{CR0_PE, CR0_PG, CR0_WP, CR4_PAE, EFER_LMA, Paging};
use hv_core::hvm::vmx::event::Event;
use hv_core::hvm::vmx::segment::to_attributes;
use hv_core::instruction_bytes::SegmentRegister;
use xen_abi::frame::Mfn;
use xen_abi::hvm_save::HvmCpu;

use super::exit;
use super::features::{bits, vmx};
use super::field::{Field, SegmentName};
use super::instruction::{invept, invvpid_all};
use super::setup::{self, EXCEPTIONS};
use super::vmcs::Vmcs;
use crate::arch::control::{self, CR0_TS, CR4_MCE, CR4_VMXE};
use crate::hvm::MemoryKind;
use crate::hvm::control_block::{ControlBlock, EntryWords, Request, Segment, Translations};
use crate::hvm::exit_reason::Exit;
use crate::hvm::memory;
use crate::vcpu::Vcpu;

/// Bits of CR0 that are the guest's alone, whatever it makes of them: MP, EM, TS, AM; and WP, but
/// under shadow paging.
const CR0_GUEST: u64 = 1 << 1 | 1 << 2 | CR0_TS | 1 << 18;
/// CR0: NW and CD, which are the machine's.
const CR0_CACHING: u64 = 3 << 29;
/// Segment attribute: 64-bit code.
const LONG: u16 = 1 << 9;

/// A control block for a vCPU without registers; `None` without memory.
pub(super) fn make() -> Option<&'static dyn ControlBlock> {
    let vmcs = Vmcs::alloc(vmx().revision)?;
    setup::fill(vmcs, vmx());
    vmcs.set_paging(&Paging::default());
    Some(vmcs)
}

impl Vmcs {
    fn cr0_mask(&self) -> u64 {
        !if self.is_shadowed.get() { CR0_GUEST } else { CR0_GUEST | CR0_WP }
    }

    pub(super) fn shadow_controls(&self) -> u32 {
        if self.is_shadowed.get() { bits::CR3 | bits::INVLPG } else { 0 }
    }

    fn forget(&self, translations: Translations) {
        const EVERY_ROOT: u64 = 2;
        let new_root = self.has_new_root.get();
        self.has_new_root.set(false);
        let uses_ept = !self.is_shadowed.get();
        if uses_ept && (translations.root_changed || new_root) {
            let kind = vmx().ept_vpid.invept().unwrap_or(EVERY_ROOT);
            invept(kind, self.read(Field::EPT_POINTER)).expect("the processor has this kind");
        }
        if vmx().secondary & bits::VPID != 0 {
            self.write_u32(Field::VPID, translations.tag);
            if translations.forget_all {
                invvpid_all().expect("the processor has it");
            }
        }
    }

    /// A guest that pages by PAE outside long mode has the top entries in registers, which a `mov`
    /// that the hypervisor has executed did not load (4.4.1).
    fn load_pointers(&self, vcpu: &Vcpu) {
        if !self.has_stale_pointers.get() {
            return;
        }
        self.has_stale_pointers.set(false);
        let table = self.paging().cr3 & 0xffff_ffe0;
        for index in 0..4 {
            let entry = memory::read_physical(vcpu, table + u64::from(index) * 8).unwrap_or(0);
            self.write(Field::page_directory_pointer(index), entry);
        }
    }

    /// Bytes of the instruction that made the guest leave.
    pub(super) fn length(&self) -> u8 {
        let [length, ..] = self.read(Field::INSTRUCTION_LENGTH).to_le_bytes();
        length
    }
}

impl ControlBlock for Vmcs {
    fn free(&'static self) {
        Self::free(self);
    }

    /// Whether it has been entered before, and where to say that the entry failed.
    fn prepare(&self, vcpu: &Vcpu, translations: Translations) -> EntryWords {
        let regs = &vcpu.regs;
        self.write(Field::GUEST_RIP, regs.rip.get());
        self.write(Field::GUEST_RSP, regs.rsp.get());
        self.write(Field::GUEST_RFLAGS, regs.rflags.get());
        self.offer(regs.rflags.get());
        self.limit_run(regs.rflags.get());
        self.forget(translations);
        self.load_pointers(vcpu);
        control::set_cr2(self.cr2.get());
        EntryWords(u64::from(self.is_launched.get()), &raw const self.has_failed as u64)
    }

    fn exit(&self, vcpu: &Vcpu) -> Exit {
        let regs = &vcpu.regs;
        regs.rip.set(self.read(Field::GUEST_RIP));
        regs.rsp.set(self.read(Field::GUEST_RSP));
        regs.rflags.set(self.read(Field::GUEST_RFLAGS));
        self.cr2.set(control::cr2());
        exit::reason(vcpu, self)
    }

    /// Real mode has no error codes (27.2.1.3).
    fn inject(&self, vector: u8, error_code: Option<u32>) {
        let is_protected = self.paging().cr0 & CR0_PE != 0;
        self.set_event(Event::exception(vector, error_code.filter(|_| is_protected)));
        self.end_hold();
    }

    fn inject_nmi(&self) -> bool {
        self.deliver_nmi()
    }

    fn request(&self, request: Request) {
        self.request.set(request);
    }

    fn is_interrupt_taken(&self) -> bool {
        self.is_interrupt_taken.get()
    }

    fn task_priority(&self) -> u8 {
        self.task_priority.get()
    }

    fn set_task_priority(&self, class: u8) {
        self.task_priority.set(class);
    }

    fn clear_interrupt_shadow(&self) {
        self.end_hold();
    }

    fn instruction_length(&self) -> Option<u8> {
        Some(self.length())
    }

    fn set_paging_root(&self, root: Mfn) {
        /// In write-back memory, four levels.
        const FORM: u64 = 6 | 3 << 3;
        if self.is_shadowed.get() {
            self.write(Field::GUEST_CR3, root.maddr().get());
        } else {
            self.write(Field::EPT_POINTER, root.maddr().get() | FORM);
        }
        self.has_new_root.set(true);
    }

    fn virtualize_memory(&self, kind: MemoryKind) {
        let (exceptions, unused) = match kind {
            MemoryKind::Nested => (0, 0),
            MemoryKind::Shadow => (1 << xen_abi::trap::VECTOR_PF, bits::EPT | bits::UNRESTRICTED),
        };
        let paging = self.paging();
        self.is_shadowed.set(kind == MemoryKind::Shadow);
        self.set_paging(&paging);
        self.write(Field::EXCEPTIONS, EXCEPTIONS | exceptions);
        self.write_u32(Field::SECONDARY_CONTROLS, vmx().secondary & !unused);
    }

    /// There is real mode only with unrestricted guests, which have second-level tables. It ends with
    /// the last of the segment registers that it has left behind.
    fn can_be_shadowed(&self) -> bool {
        vmx().secondary & bits::UNRESTRICTED == 0
            || self.read(Field::CR0_SHADOW) & CR0_PE != 0
                && (self.is_shadowed.get() || self.has_protected_segments())
    }

    fn set_hardware(&self, paging: &Paging) {
        let vmx = vmx();
        self.write(Field::GUEST_CR0, vmx.cr0.apply(paging.cr0 & !CR0_CACHING));
        self.write(Field::GUEST_CR4, vmx.cr4.apply(paging.cr4 | CR4_MCE | CR4_VMXE));
        self.write(Field::GUEST_EFER, paging.efer);
        let is_long = paging.efer & EFER_LMA != 0;
        let mode = if is_long { bits::ENTRY_LONG_MODE } else { 0 };
        self.write_u32(Field::ENTRY_CONTROLS, vmx.entry & !bits::ENTRY_LONG_MODE | mode);
    }

    fn paging(&self) -> Paging {
        let mask = self.cr0_mask();
        let shadowed = self.is_shadowed.get();
        Paging {
            cr0: self.read(Field::GUEST_CR0) & !mask | self.read(Field::CR0_SHADOW) & mask,
            cr3: if shadowed { self.guest_cr3.get() } else { self.read(Field::GUEST_CR3) },
            cr4: self.read(Field::CR4_SHADOW),
            efer: if shadowed { self.guest_efer.get() } else { self.read(Field::GUEST_EFER) },
            user: self.cpl() == 3,
        }
    }

    fn set_paging(&self, paging: &Paging) {
        let mask = self.cr0_mask();
        self.write(Field::CR0_MASK, mask);
        self.write(Field::CR0_SHADOW, paging.cr0);
        self.write(Field::CR4_SHADOW, paging.cr4);
        if self.is_shadowed.get() {
            // The bits that the guest reads as they are; the others are `set_hardware`'s.
            let others = self.read(Field::GUEST_CR0) & mask;
            self.write(Field::GUEST_CR0, others | paging.cr0 & !mask);
            self.guest_cr3.set(paging.cr3);
            return self.guest_efer.set(paging.efer);
        }
        self.write(Field::GUEST_CR3, paging.cr3);
        self.set_hardware(paging);
        let by_pae = paging.cr0 & CR0_PG != 0 && paging.cr4 & CR4_PAE != 0;
        self.has_stale_pointers.set(by_pae && paging.efer & EFER_LMA == 0);
    }

    fn set_fault_address(&self, address: u64) {
        self.cr2.set(address);
    }

    fn set_tsc_offset(&self, offset: u64) {
        self.write(Field::TSC_OFFSET, offset);
    }

    /// That of the stack segment (25.4.1).
    fn cpl(&self) -> u8 {
        let [rights, ..] = self.read(SegmentName::Ss.access_rights()).to_le_bytes();
        rights >> 5 & 3
    }

    fn segment(&self, register: SegmentRegister) -> Segment {
        self.read_segment(register.into())
    }

    fn pat(&self) -> u64 {
        self.read(Field::GUEST_PAT)
    }

    fn set_pat(&self, value: u64) {
        self.write(Field::GUEST_PAT, value);
    }

    fn debug(&self) -> [u64; 2] {
        [self.dr6.get(), self.read(Field::GUEST_DR7)]
    }

    fn set_debug(&self, [dr6, dr7]: [u64; 2]) {
        self.dr6.set(dr6);
        self.write(Field::GUEST_DR7, dr7);
    }

    fn set_state(&self, cpu: &HvmCpu) {
        self.write_all(cpu);
    }

    fn read_state(&self, cpu: &mut HvmCpu) {
        self.read_all(cpu);
    }

    fn is_64_bit(&self) -> bool {
        let rights = self.read_u32(SegmentName::Cs.access_rights());
        to_attributes(rights) & LONG != 0 && self.read(Field::GUEST_EFER) & EFER_LMA != 0
    }
}
