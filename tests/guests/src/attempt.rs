// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code by chance in a PVH guest: executed with any registers and in any mode, until an exception or
//! a number of steps ends it.
pub mod instructions;

use core::arch::global_asm;
use core::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::descriptor_table::interrupt_gate;

global_asm!(include_str!("attempt.S"), stack = sym STACK, controls = sym CONTROLS, gdt = sym GDT,
    idt = sym IDT, steps = sym STEPS);

unsafe extern "C" {
    fn attempt_enter(registers: *const [u64; 16], frame: *const Frame);
    fn attempt_step();
    fn attempt_leave();
    fn attempt_legacy(target: u64, cr0: u64, cr4: u64, efer: u64) -> !;
}

static STACK: AtomicU64 = AtomicU64::new(0);
/// CR0, CR3 and CR4 as they were.
static CONTROLS: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
/// Traps that may still come after single instructions.
static STEPS: AtomicI64 = AtomicI64::new(0);

/// Selectors of the table below, by what runs there.
pub mod selector {
    /// 64-bit code of ring 0, the same as minios has.
    pub const CODE: u64 = 0x08;
    /// Data of ring 0, the same.
    pub const DATA: u64 = 0x10;
    /// 32-bit code of ring 0.
    pub const CODE32: u64 = 0x28;
    /// 16-bit code of ring 0.
    pub const CODE16: u64 = 0x30;
    /// 64-bit code of ring 3.
    pub const USER_CODE: u64 = 0x3b;
    /// Data of ring 3.
    pub const USER_DATA: u64 = 0x43;
    /// A task at address 0, to be switched to in 32-bit mode.
    pub const TASK: u64 = 0x48;
}

static GDT: [u64; 10] = [
    0,
    0x00af_9b00_0000_ffff,
    0x00cf_9300_0000_ffff,
    0,
    0,
    0x00cf_9b00_0000_ffff,
    0x008f_9b00_0000_ffff,
    0x00af_fb00_0000_ffff,
    0x00cf_f300_0000_ffff,
    0x0000_8900_0000_0067,
];
/// Two words a gate.
static IDT: [[AtomicU64; 2]; 256] = [const { [AtomicU64::new(0), AtomicU64::new(0)] }; 256];

/// Where an attempt begins.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Frame {
    /// First instruction.
    pub rip: u64,
    /// One of [`selector`].
    pub cs: u64,
    /// Flags.
    pub rflags: u64,
    /// Stack.
    pub rsp: u64,
    /// Stack segment.
    pub ss: u64,
}

/// Makes the gates; to be called once before [`run`].
pub fn init() {
    const DEBUG: usize = 1;
    const BREAKPOINT: usize = 3;
    const FIRST_INTERRUPT: usize = 32;
    const ALL_RINGS: u64 = 3;
    let leave: unsafe extern "C" fn() = attempt_leave;
    let step: unsafe extern "C" fn() = attempt_step;
    for (vector, gate) in IDT.iter().enumerate() {
        let entry = if vector == DEBUG { step } else { leave } as *const () as u64;
        // The others are pushed to wherever the stack is, which may be nowhere.
        let own_stack = vector != BREAKPOINT && vector < FIRST_INTERRUPT;
        let words = interrupt_gate(entry, ALL_RINGS, u64::from(own_stack));
        gate.iter().zip(words).for_each(|(to, word)| to.store(word, Ordering::Relaxed));
    }
}

/// Executes the code at the frame's rip with these registers, in the order of their numbers, until
/// something ends it; with the trap flag at the latest after `steps` instructions. Returns how many
/// of those there were.
pub fn run(registers: &[u64; 16], frame: &Frame, steps: i64) -> u64 {
    STEPS.store(steps, Ordering::Relaxed);
    // SAFETY: a guest may hurt itself, and what the code does to this one is no more than that.
    unsafe { attempt_enter(registers, frame) };
    u64::try_from(steps.saturating_sub(STEPS.load(Ordering::Relaxed))).unwrap_or(0)
}

/// Goes to the code at `target` in 32-bit mode without paging, with these control registers, and
/// does not come back: any fault there is the third.
pub fn run_legacy(target: u64, [cr0, cr4, efer]: [u64; 3]) -> ! {
    // SAFETY: as in `run`.
    unsafe { attempt_legacy(target, cr0, cr4, efer) }
}
