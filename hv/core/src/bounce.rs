// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bounce frames: how a trap or an event reaches a handler of the guest.
//!
//! The guest's kernel and its user mode are both in ring 3, so the CPU cannot switch stacks for
//! it; the hypervisor writes what the CPU would have pushed, with rcx and r11 below it, because
//! the return by syscall destroys those two.
use xen_abi::trap::{FLAT_KERNEL_CS, FLAT_KERNEL_SS};

/// Words that the CPU pushes: rip, cs, rflags, rsp, ss.
const PUSHED: usize = 5;
/// rcx and r11.
const SCRATCH: usize = 2;
/// Most words between these: the failsafe callback's selectors.
const MAX_BETWEEN: usize = 4;
const MAX_WORDS: usize = SCRATCH + MAX_BETWEEN + PUSHED;

const RFLAGS_TF: u64 = 1 << 8;
const RFLAGS_IF: u64 = 1 << 9;
const RFLAGS_DF: u64 = 1 << 10;
const RFLAGS_IOPL: u64 = 3 << 12;
const RFLAGS_NT: u64 = 1 << 14;
const RFLAGS_RF: u64 = 1 << 16;
const RFLAGS_VM: u64 = 1 << 17;
const RFLAGS_AC: u64 = 1 << 18;

/// The part of the interrupted context that goes into a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted {
    /// Instruction to return to.
    pub rip: u64,
    /// Code selector, RPL 3.
    pub cs: u16,
    /// Flags as the CPU had them; IF and IOPL in them are the hypervisor's.
    pub rflags: u64,
    /// Stack pointer.
    pub rsp: u64,
    /// Stack selector, RPL 3.
    pub ss: u16,
    /// rcx and r11.
    pub scratch: [u64; 2],
    /// It was the guest's kernel, not its user mode.
    pub in_kernel: bool,
    /// Its upcall mask: the guest's idea of "interrupts off".
    pub upcall_mask: u8,
    /// The I/O privilege level to show.
    pub iopl: u8,
}

/// What the frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A callback, or an exception without error code.
    Plain,
    /// An exception with its error code.
    ErrorCode(u32),
    /// `syscall` from user mode: the direction flag is cleared too.
    Syscall,
    /// The failsafe callback, with ds, es, fs and gs.
    Failsafe([u16; 4]),
}

/// A frame, and the registers to go on with. cs and ss become the flat ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// The frame is the last `len` of these.
    words: [u64; MAX_WORDS],
    len: usize,
    /// Address of the first word, and the handler's rsp.
    pub rsp: u64,
    /// The handler's rflags.
    pub rflags: u64,
}

impl Bounce {
    /// The words, lowest address first; rcx and r11 lead.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        self.words.get(MAX_WORDS.saturating_sub(self.len)..).unwrap_or_default()
    }
}

/// Makes the frame. `kernel_sp` is the stack for traps from user mode.
#[inline(always)]
pub fn bounce(from: &Interrupted, kernel_sp: u64, cause: Cause) -> Bounce {
    let [rcx, r11] = from.scratch;
    let pushed = [from.rip, saved_cs(from), saved_rflags(from), from.rsp, u64::from(from.ss)];
    let (between, head) = match cause {
        Cause::Plain | Cause::Syscall => (0, [0, 0, 0, 0, rcx, r11]),
        Cause::ErrorCode(code) => (1, [0, 0, 0, rcx, r11, u64::from(code)]),
        Cause::Failsafe(selectors) => {
            let [ds, es, fs, gs] = selectors.map(u64::from);
            (MAX_BETWEEN, [rcx, r11, ds, es, fs, gs])
        }
    };
    let [a, b, c, d, e, f] = head;
    let [rip, cs, rflags, rsp, ss] = pushed;
    let len = SCRATCH.saturating_add(between).saturating_add(PUSHED);
    let stack = if from.in_kernel { from.rsp } else { kernel_sp };
    let mut cleared = RFLAGS_TF | RFLAGS_VM | RFLAGS_RF | RFLAGS_NT | RFLAGS_AC;
    if cause == Cause::Syscall {
        cleared |= RFLAGS_DF;
    }
    Bounce {
        words: [a, b, c, d, e, f, rip, cs, rflags, rsp, ss],
        len,
        rsp: (stack & !15).wrapping_sub((len as u64).saturating_mul(8)),
        rflags: (from.rflags & !cleared) | RFLAGS_IF,
    }
}

/// The selector with RPL 0 if the kernel was interrupted, and the upcall mask above it.
fn saved_cs(from: &Interrupted) -> u64 {
    let selector = if from.in_kernel { from.cs & !3 } else { from.cs };
    u64::from(selector) | u64::from(from.upcall_mask) << 32
}

/// The flags with IF and IOPL as the guest believes them to be.
fn saved_rflags(from: &Interrupted) -> u64 {
    let enabled = if from.upcall_mask == 0 { RFLAGS_IF } else { 0 };
    let iopl = u64::from(from.iopl & 3) << 12;
    (from.rflags & !(RFLAGS_IF | RFLAGS_IOPL)) | enabled | iopl
}

/// The selectors a handler runs with.
pub const HANDLER_SELECTORS: (u16, u16) = (FLAT_KERNEL_CS, FLAT_KERNEL_SS);

/// The flags that ring 3 may have when it returns by the iret hypercall: what the guest wants,
/// with interrupts really on and neither virtual-8086 mode nor I/O privilege.
#[must_use]
pub const fn guest_rflags(wanted: u64) -> u64 {
    const ALWAYS_ONE: u64 = 1 << 1;
    const VIF: u64 = 1 << 19;
    const VIP: u64 = 1 << 20;
    const RESERVED: u64 = !0x3f_7fd7;
    (wanted & !(RFLAGS_IOPL | RFLAGS_VM | VIF | VIP | RESERVED)) | RFLAGS_IF | ALWAYS_ONE
}

#[cfg(test)]
mod tests;
