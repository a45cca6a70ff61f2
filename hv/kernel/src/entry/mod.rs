// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ways into ring 0: system calls, traps, interrupts.
use core::arch::global_asm;
use core::mem::offset_of;

use xen_abi::trap::{FLAT_KERNEL_CS, FLAT_KERNEL_SS, FLAT_RING3_CS32};
use xen_abi::vcpu::CpuUserRegs;

use crate::arch::descriptors::{HV_CS, SYSRET_BASE};
use crate::arch::msr;
use crate::pcpu::Pcpu;
use crate::registers::Registers;
use crate::vcpu::Vcpu;

pub mod fixup;
pub mod ring0;

/// `entry_vector` of a vCPU that came by `syscall` in 64-bit mode, and may go back by sysret: its
/// rip is canonical, or the first address that is not, and its selectors are the flat ones.
pub const VECTOR_SYSCALL: u32 = u32::MAX;
/// `entry_vector` of a vCPU that came by `syscall` in 32-bit mode.
pub const VECTOR_SYSCALL32: u32 = 0x101;

global_asm!(
    include_str!("macros.S"),
    include_str!("vectors.S"),
    include_str!("entry.S"),
    include_str!("ring0.S"),
    include_str!("../arch/svm/enter.S"),
    include_str!("../arch/vmx/enter.S"),
    REGS = const offset_of!(Vcpu, regs),
    XMM = const offset_of!(Vcpu, xmm),
    TASK_SWITCHED = const offset_of!(Vcpu, task_switched),
    IS_HVM = const offset_of!(Vcpu, is_hvm),
    ENTRY_VECTOR = const offset_of!(CpuUserRegs, entry_vector),
    RIP = const offset_of!(CpuUserRegs, rip),
    SCRATCH = const offset_of!(Pcpu, scratch),
    FRAME_END = const offset_of!(Pcpu, frame_end),
    STACK_TOP = const offset_of!(Pcpu, stack_top),
    GUEST_CS = const FLAT_KERNEL_CS,
    GUEST_CS32 = const FLAT_RING3_CS32,
    GUEST_SS = const FLAT_KERNEL_SS,
    VECTOR_SYSCALL32 = const VECTOR_SYSCALL32,
    MSR_GS_BASE = const msr::GS_BASE,
    hypercall_from_guest = sym crate::hypercall::hypercall_from_guest,
    trap_from_guest = sym crate::trap::trap_from_guest,
    trap_from_ring0 = sym ring0::trap_from_ring0,
    RAX = const offset_of!(Vcpu, regs) + offset_of!(Registers, rax),
    RBX = const offset_of!(Vcpu, regs) + offset_of!(Registers, rbx),
    RCX = const offset_of!(Vcpu, regs) + offset_of!(Registers, rcx),
    RDX = const offset_of!(Vcpu, regs) + offset_of!(Registers, rdx),
    RSI = const offset_of!(Vcpu, regs) + offset_of!(Registers, rsi),
    RDI = const offset_of!(Vcpu, regs) + offset_of!(Registers, rdi),
    RBP = const offset_of!(Vcpu, regs) + offset_of!(Registers, rbp),
    R8 = const offset_of!(Vcpu, regs) + offset_of!(Registers, r8),
    R9 = const offset_of!(Vcpu, regs) + offset_of!(Registers, r9),
    R10 = const offset_of!(Vcpu, regs) + offset_of!(Registers, r10),
    R11 = const offset_of!(Vcpu, regs) + offset_of!(Registers, r11),
    R12 = const offset_of!(Vcpu, regs) + offset_of!(Registers, r12),
    R13 = const offset_of!(Vcpu, regs) + offset_of!(Registers, r13),
    R14 = const offset_of!(Vcpu, regs) + offset_of!(Registers, r14),
    R15 = const offset_of!(Vcpu, regs) + offset_of!(Registers, r15),
    HVM_ENTER = sym crate::hvm::ENTER,
    hvm_prepare = sym crate::hvm::prepare,
    exit_from_guest = sym crate::hvm::exit::exit_from_guest,
);

unsafe extern "C" {
    fn entry_syscall();
    fn entry_syscall32();
    fn exit_to_guest_from_boot(vcpu: *const u8) -> !;
}

/// Continues with a vCPU that has been loaded, and never comes back.
///
/// # Safety
/// What is on the stack is not needed again.
pub unsafe fn start(vcpu: &Vcpu) -> ! {
    // SAFETY: the vCPU's area and roots are ready, and its stack is the caller's concern.
    unsafe { exit_to_guest_from_boot((&raw const *vcpu).cast()) }
}

/// Sets the MSRs of syscall; sysenter, which the hypervisor does not use, takes #GP.
pub fn init_syscall() {
    const TF: u64 = 1 << 8;
    const IF: u64 = 1 << 9;
    const DF: u64 = 1 << 10;
    const IOPL: u64 = 3 << 12;
    const NT: u64 = 1 << 14;
    const RF: u64 = 1 << 16;
    const AC: u64 = 1 << 18;
    msr::write(msr::STAR, u64::from(SYSRET_BASE) << 48 | u64::from(HV_CS) << 32);
    msr::write(msr::LSTAR, entry_syscall as *const () as u64);
    msr::write(msr::CSTAR, entry_syscall32 as *const () as u64);
    msr::write(msr::SYSCALL_MASK, TF | IF | DF | IOPL | NT | RF | AC);
    msr::write(msr::SYSENTER_CS, 0);
}

const _: () = assert!(VECTOR_SYSCALL == u32::MAX, "entry.S pushes -1");
