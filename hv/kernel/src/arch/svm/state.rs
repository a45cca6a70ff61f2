// SPDX-License-Identifier: MIT OR Apache-2.0
//! What [`ControlBlock::set_state`] sets, to and from the toolstack's form.
//!
//! [`ControlBlock::set_state`]: crate::hvm::control_block::ControlBlock::set_state
use hv_core::word::halves;
use xen_abi::hvm_save::HvmCpu;

use super::vmcb::{Vmcb, segment};
use crate::hvm::control_block::Segment;

impl Vmcb {
    /// Sets everything; what no processor accepts fails at the next entry.
    pub(super) fn write_all(&self, cpu: &HvmCpu) {
        for (index, place) in segment::SAVED.into_iter().enumerate() {
            self.segments[place].set(Segment::saved(cpu, index));
        }
        let table = |base, limit| Segment { limit, base, ..Segment::default() };
        self.segments[segment::GDTR].set(table(cpu.gdtr_base, cpu.gdtr_limit));
        self.segments[segment::IDTR].set(table(cpu.idtr_base, cpu.idtr_limit));
        self.cpl.set(0);
        self.cr2.set(cpu.cr2);
        let [lstar, star, cstar, mask] = cpu.syscall;
        self.syscall.set([star, lstar, cstar, mask]);
        self.kernel_gs_base.set(cpu.shadow_gs);
        self.sysenter.set(cpu.sysenter);
        self.event.set(u64::from(cpu.error_code) << 32 | u64::from(cpu.pending_event));
    }

    /// Reads everything.
    pub(super) fn read_all(&self, cpu: &mut HvmCpu) {
        for (index, place) in segment::SAVED.into_iter().enumerate() {
            self.segments[place].get().save(cpu, index);
        }
        let table = |place: usize| {
            let Segment { limit, base, .. } = self.segments[place].get();
            (limit, base)
        };
        (cpu.gdtr_limit, cpu.gdtr_base) = table(segment::GDTR);
        (cpu.idtr_limit, cpu.idtr_base) = table(segment::IDTR);
        cpu.cr2 = self.cr2.get();
        let [star, lstar, cstar, mask] = self.syscall.get();
        cpu.syscall = [lstar, star, cstar, mask];
        cpu.shadow_gs = self.kernel_gs_base.get();
        cpu.sysenter = self.sysenter.get();
        (cpu.pending_event, cpu.error_code) = halves(self.event.get());
    }
}
