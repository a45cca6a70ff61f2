// SPDX-License-Identifier: MIT OR Apache-2.0
//! What [`ControlBlock::set_state`] sets, to and from the toolstack's form.
//!
//! [`ControlBlock::set_state`]: crate::hvm::control_block::ControlBlock::set_state
use hv_core::hvm::vmx::event::Event;
use hv_core::hvm::vmx::segment::{are_of_protected_mode, to_access_rights, to_attributes};
use xen_abi::hvm_save::HvmCpu;

use super::field::{Field, SegmentName};
use super::vmcs::Vmcs;
use crate::hvm::control_block::Segment;

impl Vmcs {
    /// A segment register.
    pub(super) fn read_segment(&self, name: SegmentName) -> Segment {
        let [low, high, ..] = self.read(name.selector()).to_le_bytes();
        Segment {
            selector: u16::from_le_bytes([low, high]),
            attributes: to_attributes(self.read_u32(name.access_rights())),
            limit: self.read_u32(name.limit()),
            base: self.read(name.base()),
        }
    }

    /// Whether the segment registers are such that no unrestricted guest is needed for them.
    pub(super) fn has_protected_segments(&self) -> bool {
        use SegmentName::{Cs, Ds, Es, Fs, Gs, Ss};
        are_of_protected_mode([Cs, Ss, Ds, Es, Fs, Gs].map(|name| {
            let segment = self.read_segment(name);
            (segment.selector, segment.attributes)
        }))
    }

    /// Sets everything; what no processor accepts fails at the next entry.
    pub(super) fn write_all(&self, cpu: &HvmCpu) {
        for (index, name) in SegmentName::SAVED.into_iter().enumerate() {
            let Segment { selector, attributes, limit, base } = Segment::saved(cpu, index);
            self.write(name.selector(), u64::from(selector));
            self.write_u32(name.access_rights(), to_access_rights(attributes));
            self.write_u32(name.limit(), limit);
            self.write(name.base(), base);
        }
        self.write(Field::GUEST_GDTR_BASE, cpu.gdtr_base);
        self.write_u32(Field::GUEST_GDTR_LIMIT, cpu.gdtr_limit);
        self.write(Field::GUEST_IDTR_BASE, cpu.idtr_base);
        self.write_u32(Field::GUEST_IDTR_LIMIT, cpu.idtr_limit);
        self.cr2.set(cpu.cr2);
        let [lstar, star, cstar, mask] = cpu.syscall;
        self.set_msrs([star, lstar, cstar, mask, cpu.shadow_gs]);
        let [cs, esp, eip] = cpu.sysenter;
        self.write(Field::GUEST_SYSENTER_CS, cs);
        self.write(Field::GUEST_SYSENTER_ESP, esp);
        self.write(Field::GUEST_SYSENTER_EIP, eip);
        match Event::from_bits(cpu.pending_event, cpu.error_code) {
            Some(event) => self.set_event(event),
            None => self.write(Field::ENTRY_EVENT, 0),
        }
    }

    /// Reads everything.
    pub(super) fn read_all(&self, cpu: &mut HvmCpu) {
        for (index, name) in SegmentName::SAVED.into_iter().enumerate() {
            self.read_segment(name).save(cpu, index);
        }
        cpu.gdtr_base = self.read(Field::GUEST_GDTR_BASE);
        cpu.gdtr_limit = self.read_u32(Field::GUEST_GDTR_LIMIT);
        cpu.idtr_base = self.read(Field::GUEST_IDTR_BASE);
        cpu.idtr_limit = self.read_u32(Field::GUEST_IDTR_LIMIT);
        cpu.cr2 = self.cr2.get();
        let [star, lstar, cstar, mask, shadow_gs] = self.msrs();
        cpu.syscall = [lstar, star, cstar, mask];
        cpu.shadow_gs = shadow_gs;
        cpu.sysenter = [
            self.read(Field::GUEST_SYSENTER_CS),
            self.read(Field::GUEST_SYSENTER_ESP),
            self.read(Field::GUEST_SYSENTER_EIP),
        ];
        cpu.pending_event = self.read_u32(Field::ENTRY_EVENT);
        cpu.error_code = self.read_u32(Field::ENTRY_ERROR_CODE);
    }
}
