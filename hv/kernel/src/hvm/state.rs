// SPDX-License-Identifier: MIT OR Apache-2.0
//! A vCPU's whole state, as the toolstack sets it before the vCPU first runs.
use xen_abi::hvm_save::HvmCpu;

use super::msr;
use crate::schedule;
use crate::vcpu::Vcpu;

/// Gives a vCPU of a PVH domain its registers, and lets it run when its domain does.
pub fn set(vcpu: &Vcpu, cpu: &HvmCpu) {
    let regs = &vcpu.regs;
    let [rax, rbx, rcx, rdx, rbp, rsi, rdi, rsp, upper @ ..] = cpu.registers;
    for (number, value) in [(0, rax), (3, rbx), (1, rcx), (2, rdx), (5, rbp), (6, rsi), (7, rdi)] {
        regs.general(number).set(value);
    }
    for (number, value) in (8..).zip(upper) {
        regs.general(number).set(value);
    }
    regs.rsp.set(rsp);
    regs.rip.set(cpu.rip);
    regs.rflags.set(cpu.rflags & !RESERVED | FLAGS_ALWAYS);
    let [dr0, dr1, dr2, dr3, ..] = cpu.debug;
    vcpu.debug.set([dr0, dr1, dr2, dr3, 0, 0, 0, 0]);
    let block = vcpu.hvm.block();
    block.set_state(cpu);
    if let Some(hvm) = &vcpu.domain().hvm
        && let Some(p2m) = hvm.p2m.lock().as_ref()
    {
        block.set_paging_root(p2m.root());
    }
    msr::set_tsc(vcpu, cpu.tsc);
    vcpu.hvm.is_ready.set(true);
    schedule::set_up(vcpu, true);
}

/// The bit of rflags that is always 1.
const FLAGS_ALWAYS: u64 = 1 << 1;
/// Bits of rflags that are always 0.
const RESERVED: u64 = 0xffff_ffff_ffc0_802a;
