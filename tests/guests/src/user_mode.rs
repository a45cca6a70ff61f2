// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's user mode: entering it by the iret hypercall, and what comes back.
use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicU64, Ordering};

use crate::hypercall::{at, call, call2};
use xen_abi::hypercall::Hypercall;
use xen_abi::mmu::{MmuextCmd, MmuextOp};
use xen_abi::trap::FLAT_KERNEL_SS;

global_asm!(include_str!("user_mode.S"), stack = sym STACK, frame = sym FRAME,
    handler_stack = sym HANDLER_STACK);

static STACK: AtomicU64 = AtomicU64::new(0);
static HANDLER_STACK: AtomicU64 = AtomicU64::new(0);
static FRAME: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];

/// Bytes of a stack.
const STACK_BYTES: usize = 4096;

/// A stack, 16-byte aligned.
#[repr(C, align(16))]
pub struct Stack([u8; STACK_BYTES]);

impl Default for Stack {
    fn default() -> Self {
        Self([0; STACK_BYTES])
    }
}

impl Stack {
    /// The address behind it.
    pub fn end(&self) -> u64 {
        at(self) + STACK_BYTES as u64
    }
}

unsafe extern "C" {
    fn user_mode_enter(entry: u64, rsp: u64, cs: u64, flags: u64) -> u64;
}

macro_rules! places {
    ($($(#[$meta:meta])* $name:ident = $symbol:ident,)*) => {
        unsafe extern "C" { $(fn $symbol();)* }
        $($(#[$meta])* pub fn $name() -> u64 {
            let function: unsafe extern "C" fn() = $symbol;
            function as *const () as u64
        })*
    };
}

places! {
    /// Handler of a callback or of an exception without error code.
    plain_handler = user_mode_leave_7,
    /// Handler of an exception with error code.
    error_handler = user_mode_leave_8,
    /// Makes a system call; rax is rcx + r11 as they were at the start.
    syscall = user_mode_syscall,
    /// Behind that system call.
    after_syscall = user_mode_after_syscall,
    /// Reads an address that nothing maps.
    fault = user_mode_fault,
    /// Reads the first entry of the M2P and makes a system call.
    m2p = user_mode_m2p,
    /// Executes `clts`.
    privileged = user_mode_privileged,
    /// Reads a port.
    port = user_mode_port,
    /// Makes a system call with the word at gs:0 in rax.
    gs = user_mode_gs,
    /// Makes a system call with the answer of the forced emulated CPUID in rax.
    cpuid = user_mode_cpuid,
}

/// Continues at `entry` with this stack and selector by the iret hypercall, until a handler of
/// this module is entered. Returns rax as it then is.
pub fn enter(entry: u64, rsp: u64, cs: u64, flags: u64) -> u64 {
    // SAFETY: the routine saves what it must, and its handlers bring the stack back.
    unsafe { user_mode_enter(entry, rsp, cs, flags) }
}

/// Lets user mode have the kernel's page tables, or none; returns what the hypercall returned.
pub fn set_root(present: bool) -> i64 {
    let root: u64;
    // SAFETY: reading cr3 is emulated by the hypervisor.
    unsafe { asm!("mov {}, cr3", out(reg) root) };
    set_root_to(if present { root >> 12 } else { 0 })
}

/// Lets user mode have the page tables from the L4 in frame `arg1` on; returns what the hypercall
/// returned.
pub fn set_root_to(arg1: u64) -> i64 {
    let op = MmuextOp { cmd: MmuextCmd::NewUserBaseptr.raw(), arg1, ..Default::default() };
    call(Hypercall::MmuextOp, [at(&op), 1, 0, 0x7ff0, 0])
}

/// Sets the stack for entries from user mode.
pub fn set_kernel_stack(end: u64) -> i64 {
    call2(Hypercall::StackSwitch, u64::from(FLAT_KERNEL_SS), end)
}

/// Word `index` of the last frame.
pub fn frame(index: usize) -> u64 {
    FRAME[index].load(Ordering::Relaxed)
}

/// rsp with which the last handler was entered.
pub fn handler_rsp() -> u64 {
    HANDLER_STACK.load(Ordering::Relaxed)
}
