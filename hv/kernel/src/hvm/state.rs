// SPDX-License-Identifier: MIT OR Apache-2.0
//! A vCPU's whole state, as it is set before the vCPU first runs, and read.
use hv_core::hvm::context::{Source, State};
use hv_core::hvm::local_apic::LocalApic;
use hv_core::hvm::mtrr::Mtrr;
use hv_core::hvm::paging::Paging;
use xen_abi::hvm_save::{FPU_VALID, HvmCpu};

use super::{local_apic, msr, shadow};
use crate::arch::tsc;
use crate::debugreg;
use crate::vcpu::Vcpu;

/// Gives a vCPU of a PVH domain its registers.
pub fn set(vcpu: &Vcpu, state: &State) {
    let cpu = &state.cpu;
    let regs = &vcpu.regs;
    for (number, value) in NUMBERS.into_iter().zip(cpu.registers) {
        regs.general(number).set(value);
    }
    regs.rip.set(cpu.rip);
    regs.rflags.set(cpu.rflags & !RESERVED | FLAGS_ALWAYS);
    debugreg::set_hvm(vcpu, cpu.debug);
    let block = vcpu.hvm.block();
    block.set_state(cpu);
    let HvmCpu { cr0, cr3, cr4, msr_efer: efer, .. } = *cpu;
    block.set_paging(&Paging { cr0, cr3, cr4, efer, user: false });
    if let Some((pat, mtrr)) = state.memory_types {
        block.set_pat(pat);
        vcpu.hvm.mtrr.set(mtrr);
    }
    if cpu.flags & FPU_VALID != 0 {
        vcpu.set_vector_state(&cpu.fpu_regs);
    }
    if vcpu.hvm.is_shadowed() {
        shadow::control_changed(vcpu);
    } else if let Some(hvm) = &vcpu.domain().hvm
        && let Some(p2m) = hvm.p2m.lock().as_ref()
    {
        block.set_paging_root(p2m.root());
    }
    msr::set_tsc(vcpu, cpu.tsc);
    // Its timer may wait for a value of the TSC.
    if let Some(apic) = &state.local_apic {
        local_apic::set(vcpu, apic);
    }
    vcpu.hvm.is_ready.set(true);
}

/// The registers of a vCPU of a PVH domain that does not run.
pub fn read(vcpu: &Vcpu) -> HvmCpu {
    let regs = &vcpu.regs;
    let mut cpu = HvmCpu {
        fpu_regs: vcpu.vector_state(),
        registers: NUMBERS.map(|number| regs.general(number).get()),
        rip: regs.rip.get(),
        rflags: regs.rflags.get(),
        tsc: tsc::read().wrapping_add(vcpu.hvm.tsc_offset.get()),
        flags: if vcpu.fpu_valid.get() { FPU_VALID } else { 0 },
        ..HvmCpu::default()
    };
    let [dr0, dr1, dr2, dr3, ..] = vcpu.debug.get();
    let block = vcpu.hvm.block();
    let [dr6, dr7] = block.debug();
    cpu.debug = [dr0, dr1, dr2, dr3, dr6, dr7];
    let Paging { cr0, cr3, cr4, efer, .. } = block.paging();
    (cpu.cr0, cpu.cr3, cpu.cr4, cpu.msr_efer) = (cr0, cr3, cr4, efer);
    block.read_state(&mut cpu);
    cpu
}

impl Source for Vcpu {
    fn registers(&self) -> Option<HvmCpu> {
        self.account.get().is_up().then(|| read(self))
    }

    fn local_apic(&self) -> LocalApic {
        local_apic::with(self, |apic| apic.clone())
    }

    fn memory_types(&self) -> (u64, Mtrr) {
        (self.hvm.block().pat(), self.hvm.mtrr.get())
    }
}

/// The processor's numbers of the general registers, in the order of [`HvmCpu::registers`].
const NUMBERS: [u8; 16] = [0, 3, 1, 2, 5, 6, 7, 4, 8, 9, 10, 11, 12, 13, 14, 15];
/// The bit of rflags that is always 1.
const FLAGS_ALWAYS: u64 = 1 << 1;
/// Bits of rflags that are always 0.
const RESERVED: u64 = 0xffff_ffff_ffc0_802a;
