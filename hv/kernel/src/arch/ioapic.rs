// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first I/O APIC: 24 lines from devices to vectors.
use hv_core::acpi::IoApic;
use xen_abi::frame::{Maddr, Mfn};

use super::lapic;
use crate::boot::firmware::platform;
use crate::boot::paging::{Mapper, Rights};
use crate::memory::layout::{FIXED_AREA, PAGE_SIZE};

/// Where the first I/O APIC is, unless the firmware says something else.
const USUAL_BASE: u32 = 0xfec0_0000;
const REGISTERS: u64 = FIXED_AREA + PAGE_SIZE;
const VERSION: u8 = 1;
const REDIRECTION: u8 = 0x10;
const MASKED: u32 = 1 << 16;
const LEVEL: u32 = 1 << 15;
const ACTIVE_LOW: u32 = 1 << 13;

/// Maps the registers.
pub fn map(mapper: &mut Mapper<'_>) {
    let is_first = |ioapic: &&IoApic| ioapic.first_line == 0 && ioapic.address.is_multiple_of(4096);
    let first = platform().ioapics.iter().find(is_first);
    let base = first.map_or(USUAL_BASE, |ioapic| ioapic.address);
    mapper.map(REGISTERS, Maddr::new(base.into()), 1, Rights::DEVICE);
}

/// Whether the frame has registers of an I/O APIC.
pub fn has_frame(frame: Mfn) -> bool {
    let all = platform().ioapics.iter().map(|ioapic| ioapic.address);
    all.chain([USUAL_BASE]).any(|address| Maddr::new(address.into()).mfn() == frame)
}

/// The line of an interrupt of the ISA bus, and how it signals.
pub fn isa_line(irq: u8) -> (u8, Trigger) {
    let told = platform().isa_line(irq);
    let line = u8::try_from(told.line).ok().filter(|line| *line < lines()).unwrap_or(irq);
    (line, Trigger { level: told.level, active_low: told.active_low })
}

/// How a line of the ISA bus signals, if the firmware says that it is special.
pub fn told_trigger(line: u32) -> Option<Trigger> {
    let told = platform().overrides.iter().find(|told| told.line == line)?;
    Some(Trigger { level: told.level, active_low: told.active_low })
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
