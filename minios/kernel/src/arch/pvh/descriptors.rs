// SPDX-License-Identifier: MIT OR Apache-2.0
//! Descriptor tables of a PVH guest: exceptions and the event's interrupt lead to trap.S.
//!
//! Numbers of figures are those of volume 3 of the Intel SDM.
use core::arch::asm;
use core::array;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::events;
use crate::arch::trap_frame::STUB_BYTES;
use crate::trap::VECTORS;

/// Selector of code, and of the task state segment.
const CODE: u16 = 0x08;
const TASK_STATE: u16 = 0x18;
/// Null, code and data as in entry.S, the task state segment's two words.
static GDT: [AtomicU64; 5] = [
    AtomicU64::new(0),
    AtomicU64::new(0x00af_9b00_0000_ffff),
    AtomicU64::new(0x00cf_9300_0000_ffff),
    AtomicU64::new(0),
    AtomicU64::new(0),
];

/// Two words a gate.
static IDT: [[AtomicU64; 2]; GATES] = [const { [AtomicU64::new(0), AtomicU64::new(0)] }; GATES];
const GATES: usize = events::VECTOR as usize + 1;

/// The task state segment, of which we need one stack (figure 8-11).
static TSS: [AtomicU32; TSS_BYTES as usize / 4] =
    [const { AtomicU32::new(0) }; TSS_BYTES as usize / 4];
const TSS_BYTES: u32 = 104;
const TSS_IST1: usize = 36 / 4;
const TSS_IO_MAP: usize = 100 / 4;

/// The stack of exceptions that may come when the usual one is of no use: a double fault is what a
/// stack that has run into its guard page ends in.
static STACK: Stack = Stack([const { AtomicU64::new(0) }; STACK_BYTES / 8]);
const STACK_BYTES: usize = 8192;
const ON_OWN_STACK: [usize; 3] = [2, 8, 18];

#[repr(align(16))]
struct Stack([AtomicU64; STACK_BYTES / 8]);

unsafe extern "C" {
    /// arch/pvh/trap.S.
    #[link_name = "minios_pvh_trap_stubs"]
    static STUBS: [[u8; STUB_BYTES]; VECTORS];
    fn minios_pvh_event();
}

/// What `lgdt` and `lidt` read.
#[repr(C, packed)]
struct Pointer {
    limit: u16,
    base: u64,
}

/// Fills the tables and loads them.
pub(super) fn init() {
    let stack_end = address(&STACK.0) + STACK_BYTES as u64;
    let [low, high] = halves(stack_end);
    TSS[TSS_IST1].store(low, Ordering::Relaxed);
    TSS[TSS_IST1 + 1].store(high, Ordering::Relaxed);
    // A map of I/O ports that begins behind the segment is none.
    TSS[TSS_IO_MAP].store(TSS_BYTES << 16, Ordering::Relaxed);
    store(&GDT[usize::from(TASK_STATE / 8)..], task_state_descriptor(address(&TSS)));
    let stubs = (&raw const STUBS).addr() as u64;
    let entries: [u64; VECTORS] = array::from_fn(|vector| stubs + (vector * STUB_BYTES) as u64);
    for (vector, &entry) in entries.iter().enumerate() {
        store(&IDT[vector], gate(entry, u64::from(ON_OWN_STACK.contains(&vector))));
    }
    let event = minios_pvh_event as *const () as u64;
    store(&IDT[usize::from(events::VECTOR)], gate(event, 0));
    load();
}

fn load() {
    let gdt = pointer(&GDT);
    let idt = pointer(&IDT);
    // SAFETY: the table is static, and has code and data where the boot's table has them.
    unsafe { asm!("lgdt [{}]", in(reg) &raw const gdt, options(readonly, nostack)) };
    // SAFETY: the table is static, its gates lead to the stubs.
    unsafe { asm!("lidt [{}]", in(reg) &raw const idt, options(readonly, nostack)) };
    // SAFETY: the descriptor names a static segment with one stack.
    unsafe { asm!("ltr {:x}", in(reg) TASK_STATE, options(nostack)) };
}

/// A gate that leaves interrupts off (figure 6-8); `stack` is 1 for that of the task state segment.
fn gate(entry: u64, stack: u64) -> [u64; 2] {
    const PRESENT_INTERRUPT_GATE: u64 = 0x8e << 40;
    let low = entry & 0xffff
        | u64::from(CODE) << 16
        | stack << 32
        | PRESENT_INTERRUPT_GATE
        | (entry >> 16 & 0xffff) << 48;
    [low, entry >> 32]
}

/// The descriptor of the task state segment (figure 8-4).
fn task_state_descriptor(base: u64) -> [u64; 2] {
    const PRESENT_TASK_STATE: u64 = 0x89 << 40;
    let limit = u64::from(TSS_BYTES) - 1;
    let low = limit | (base & 0xff_ffff) << 16 | PRESENT_TASK_STATE | (base >> 24 & 0xff) << 56;
    [low, base >> 32]
}

fn store(words: &[AtomicU64], values: [u64; 2]) {
    for (word, value) in words.iter().zip(values) {
        word.store(value, Ordering::Relaxed);
    }
}

fn address<T>(table: &T) -> u64 {
    core::ptr::from_ref(table).expose_provenance() as u64
}

#[expect(clippy::cast_possible_truncation, reason = "the tables are small; halves are meant")]
fn halves(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

#[expect(clippy::cast_possible_truncation, reason = "the tables are small")]
fn pointer<T>(table: &T) -> Pointer {
    Pointer { limit: (size_of::<T>() - 1) as u16, base: address(table) }
}
