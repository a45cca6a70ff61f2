// SPDX-License-Identifier: MIT OR Apache-2.0
//! Segment descriptors, the task state segment and the descriptor table registers.
//!
//! The hypervisor's part of the GDT begins at byte 0xe000 (`public/arch-x86/xen-x86_64.h`):
//!
//! | selector | what |
//! |----------|------|
//! | `0xe008` | code of ring 0 |
//! | `0xe010` | data of ring 0 |
//! | `0xe023` | 32-bit code of guests |
//! | `0xe02b` | data and stack of guests |
//! | `0xe033` | 64-bit code of guests |
//! | `0xe040` | TSS |
//! | `0xe050` | LDT of the guest |
use core::arch::asm;

use crate::memory::layout::{GDT_WINDOW, LDT_WINDOW};

/// Code selector of ring 0.
pub const HV_CS: u16 = 0xe008;
/// Data selector of ring 0.
pub const HV_DS: u16 = 0xe010;
/// What sysret adds 8 and 16 to.
pub const SYSRET_BASE: u16 = 0xe023;
/// Selector of the task state segment.
pub const TSS: u16 = 0xe040;
const LDT: u16 = 0xe050;

/// Bytes of the whole GDT, less one.
const GDT_LIMIT: u16 = 0xefff;

/// Entries of the hypervisor's part that are the same on every pCPU.
const FIXED: [u64; 8] = [
    0,
    0x00af_9b00_0000_ffff,
    0x00cf_9300_0000_ffff,
    0,
    0x00cf_fb00_0000_ffff,
    0x00cf_f300_0000_ffff,
    0x00af_fb00_0000_ffff,
    0,
];

/// The 64-bit task state segment (Intel SDM volume 3, figure 8-11).
#[repr(C, packed(4))]
pub struct Tss {
    reserved0: u32,
    /// Stacks for rings 0 to 2.
    pub rsp: [u64; 3],
    reserved1: u64,
    /// Stacks of the interrupt stack table, 1 to 7.
    pub ist: [u64; 7],
    reserved2: u64,
    reserved3: u16,
    io_bitmap: u16,
}

/// Bytes of a TSS; an I/O bitmap that begins behind it is none.
const TSS_BYTES: u16 = 104;

const _: () = assert!(size_of::<Tss>() == TSS_BYTES as usize);

impl Tss {
    /// No stacks, no I/O bitmap.
    pub const fn new() -> Self {
        Self {
            reserved0: 0,
            rsp: [0; 3],
            reserved1: 0,
            ist: [0; 7],
            reserved2: 0,
            reserved3: 0,
            io_bitmap: TSS_BYTES,
        }
    }
}

/// A 16-byte system descriptor (Intel SDM volume 3, figure 8-4): TSS or LDT.
const fn system_descriptor(kind: u64, base: u64, limit: u64) -> [u64; 2] {
    const PRESENT: u64 = 1 << 47;
    let low = limit & 0xffff
        | (base & 0xff_ffff) << 16
        | kind << 40
        | PRESENT
        | (limit >> 16 & 0xf) << 48
        | (base >> 24 & 0xff) << 56;
    [low, base >> 32]
}

/// The first entries of the hypervisor's part of the GDT, for the pCPU with this TSS.
pub fn own_gdt_part(tss: *const Tss) -> [u64; 12] {
    let mut part = [0; 12];
    part[..8].copy_from_slice(&FIXED);
    part[8..10].copy_from_slice(&system_descriptor(9, tss as u64, size_of::<Tss>() as u64 - 1));
    part
}

/// The descriptor of an LDT with `entries` entries in this pCPU's window.
pub fn ldt_descriptor(entries: u32) -> [u64; 2] {
    system_descriptor(2, LDT_WINDOW, u64::from(entries) * 8 - 1)
}

/// Index in the hypervisor's part of the LDT descriptor.
pub const LDT_INDEX: usize = 10;

#[repr(C, packed)]
struct TablePointer {
    limit: u16,
    base: u64,
}

/// Loads the GDT from this pCPU's window, and the selectors and the TSS in it.
///
/// # Safety
/// The window is mapped and its last page holds [`own_gdt_part`].
pub unsafe fn load_gdt() {
    load_gdt_limit();
    // SAFETY: HV_CS is 64-bit code of ring 0 in the new table.
    unsafe {
        asm!("push {cs}", "lea {t}, [rip + 2f]", "push {t}", "retfq", "2:",
            cs = const HV_CS, t = out(reg) _, options(preserves_flags));
    }
    // SAFETY: HV_DS is data of ring 0; null selectors are allowed elsewhere.
    unsafe {
        asm!("mov ss, {ds:x}", "mov ds, {null:x}", "mov es, {null:x}", "mov fs, {null:x}",
            "mov gs, {null:x}", ds = in(reg) HV_DS, null = in(reg) 0, options(nostack, preserves_flags));
    }
    // SAFETY: the descriptor is that of this pCPU's TSS, and is not busy.
    unsafe { asm!("ltr {:x}", in(reg) TSS, options(nostack, preserves_flags)) }
    load_ldt(false);
}

/// Loads the GDT's place and length; an exit of VT-x leaves the largest length there is.
pub fn load_gdt_limit() {
    let pointer = TablePointer { limit: GDT_LIMIT, base: GDT_WINDOW };
    // SAFETY: the table is as the selectors of the hypervisor expect.
    unsafe { asm!("lgdt [{}]", in(reg) &raw const pointer, options(nostack, preserves_flags)) }
}

/// Loads the LDT register: from its descriptor, or with nothing.
pub fn load_ldt(present: bool) {
    let selector = if present { LDT } else { 0 };
    // SAFETY: the descriptor is present if so said, and lies in the hypervisor's part.
    unsafe { asm!("lldt {:x}", in(reg) selector, options(nostack, preserves_flags)) }
}

/// Loads the interrupt descriptor table.
///
/// # Safety
/// The table stays where it is, and its gates lead to the entry code.
pub unsafe fn load_idt(base: u64, limit: u16) {
    let pointer = TablePointer { limit, base };
    // SAFETY: by the function's contract.
    unsafe { asm!("lidt [{}]", in(reg) &raw const pointer, options(nostack, preserves_flags)) }
}
