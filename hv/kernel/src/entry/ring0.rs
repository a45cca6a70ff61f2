// SPDX-License-Identifier: MIT OR Apache-2.0
//! Traps and interrupts that interrupt ring 0 itself.
use xen_abi::trap::{
    VECTOR_BP, VECTOR_DB, VECTOR_GP, VECTOR_MC, VECTOR_NMI, VECTOR_NP, VECTOR_PF, VECTOR_SS,
};
use xen_abi::vcpu::CpuUserRegs;

use super::fixup;
use crate::arch::{control, machine_check};
use crate::{backtrace, interrupt, log, nmi};

/// Called by `ring0.S` with the frame on the stack, which ends behind `ss`.
pub extern "C" fn trap_from_ring0(frame: &mut CpuUserRegs) {
    const FIRST_INTERRUPT: u32 = 32;
    let vector = frame.entry_vector;
    if vector >= FIRST_INTERRUPT {
        return interrupt::handle(vector);
    }
    let vector = vector.to_le_bytes()[0];
    match vector {
        VECTOR_PF | VECTOR_GP | VECTOR_NP | VECTOR_SS => {
            if let Some(rip) = fixup::continuation(frame.rip) {
                frame.rip = rip;
                return;
            }
        }
        // A breakpoint of the guest's that ring 0 touched, or one deferred by mov ss.
        VECTOR_DB => return,
        VECTOR_NMI => return nmi::defer(),
        VECTOR_MC => machine_check::log_banks(),
        VECTOR_BP => return log!("breakpoint in ring 0"),
        _ => {}
    }
    log!("trap {vector} in ring 0, error code {:#x}, cr2 {:#x}", frame.error_code, control::cr2());
    log_registers(frame);
    backtrace::log_address(frame.rip);
    backtrace::log_from(frame.rbp);
    panic!("ring 0 took trap {vector}");
}

/// Logs the registers of a frame.
pub fn log_registers(regs: &CpuUserRegs) {
    log!(
        "rip {:#x} cs {:#x} rflags {:#x} rsp {:#x} ss {:#x}",
        regs.rip,
        regs.cs,
        regs.rflags,
        regs.rsp,
        regs.ss
    );
    log!("rax {:#x} rbx {:#x} rcx {:#x} rdx {:#x}", regs.rax, regs.rbx, regs.rcx, regs.rdx);
    log!("rsi {:#x} rdi {:#x} rbp {:#x} r8 {:#x}", regs.rsi, regs.rdi, regs.rbp, regs.r8);
    log!("r9 {:#x} r10 {:#x} r11 {:#x} r12 {:#x}", regs.r9, regs.r10, regs.r11, regs.r12);
    log!("r13 {:#x} r14 {:#x} r15 {:#x}", regs.r13, regs.r14, regs.r15);
}
