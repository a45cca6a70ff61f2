// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first I/O APIC: 24 lines from devices to vectors.
use xen_abi::frame::Maddr;

use super::lapic;
use crate::boot::paging::{Mapper, Rights};
use crate::memory::layout::{FIXED_AREA, PAGE_SIZE};

/// Where the first I/O APIC is on every PC.
const BASE: u64 = 0xfec0_0000;
const REGISTERS: u64 = FIXED_AREA + PAGE_SIZE;
const VERSION: u8 = 1;
const REDIRECTION: u8 = 0x10;
const MASKED: u32 = 1 << 16;
const LEVEL: u32 = 1 << 15;
const ACTIVE_LOW: u32 = 1 << 13;

/// Maps the registers.
pub fn map(mapper: &mut Mapper<'_>) {
    mapper.map(REGISTERS, Maddr::new(BASE), 1, Rights::DEVICE);
}

fn read(register: u8) -> u32 {
    // SAFETY: the page of the registers is mapped there; offset 0 selects.
    unsafe { (REGISTERS as *mut u32).write_volatile(u32::from(register)) }
    // SAFETY: offset 0x10 is the selected register.
    unsafe { ((REGISTERS + 0x10) as *const u32).read_volatile() }
}

fn write(register: u8, value: u32) {
    // SAFETY: as in `read`.
    unsafe { (REGISTERS as *mut u32).write_volatile(u32::from(register)) }
    // SAFETY: as in `read`.
    unsafe { ((REGISTERS + 0x10) as *mut u32).write_volatile(value) }
}

/// Number of lines.
pub fn lines() -> u8 {
    read(VERSION).to_le_bytes()[2].saturating_add(1)
}

/// Masks every line.
pub fn init() {
    for line in 0..lines() {
        write(REDIRECTION + line * 2, MASKED);
    }
}

/// How a line signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// By level, not by edge.
    pub level: bool,
    /// Active when low.
    pub active_low: bool,
}

/// Sends `line` to `vector` of this pCPU, masked.
pub fn route(line: u8, vector: u8, trigger: Trigger) {
    let mut low = u32::from(vector) | MASKED;
    if trigger.level {
        low |= LEVEL;
    }
    if trigger.active_low {
        low |= ACTIVE_LOW;
    }
    write(REDIRECTION + line * 2 + 1, lapic::id() << 24);
    write(REDIRECTION + line * 2, low);
}

/// Masks or unmasks a line.
pub fn set_masked(line: u8, masked: bool) {
    let low = read(REDIRECTION + line * 2) & !MASKED;
    write(REDIRECTION + line * 2, if masked { low | MASKED } else { low });
}
