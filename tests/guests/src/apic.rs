// SPDX-License-Identifier: MIT OR Apache-2.0
//! The local APIC of a PVH guest, in memory and as MSRs.
use core::arch::asm;

use crate::msr::{rdmsr, wrmsr};
use crate::page_entry;

/// `IA32_APIC_BASE`.
pub const BASE: u32 = 0x1b;
/// `IA32_TSC_DEADLINE`.
pub const TSC_DEADLINE: u32 = 0x6e0;
/// Bits of `IA32_APIC_BASE`: registers as MSRs.
pub const EXTENDED: u64 = 1 << 10;
/// On at all.
pub const ON: u64 = 1 << 11;
/// The spurious register, on.
pub const ENABLED: u64 = 0x1ff;
/// The spurious register, off.
pub const DISABLED: u64 = 0xff;
/// An entry of the local vector table that holds back its interrupt.
pub const MASKED: u64 = 1 << 16;
/// The command to send an interrupt to its sender.
pub const TO_ITSELF: u64 = 1 << 18;
/// Where the registers are in memory.
pub const PAGE: u64 = 0xfee0_0000;

/// Registers, by their offsets in memory; the MSR is 0x800 and a sixteenth of it.
#[expect(missing_docs, reason = "the names are those of the manual")]
pub mod register {
    pub const ID: u32 = 0x20;
    pub const VERSION: u32 = 0x30;
    pub const TASK_PRIORITY: u32 = 0x80;
    pub const PROCESSOR_PRIORITY: u32 = 0xa0;
    pub const EOI: u32 = 0xb0;
    pub const LOGICAL: u32 = 0xd0;
    pub const FORMAT: u32 = 0xe0;
    pub const SPURIOUS: u32 = 0xf0;
    pub const IN_SERVICE: u32 = 0x100;
    pub const TRIGGER_MODE: u32 = 0x180;
    pub const REQUESTED: u32 = 0x200;
    pub const ERROR_STATUS: u32 = 0x280;
    pub const COMMAND: u32 = 0x300;
    pub const COMMAND_HIGH: u32 = 0x310;
    pub const LVT_TIMER: u32 = 0x320;
    pub const LVT_ERROR: u32 = 0x370;
    pub const TIMER_INITIAL: u32 = 0x380;
    pub const TIMER_CURRENT: u32 = 0x390;
    pub const TIMER_DIVIDE: u32 = 0x3e0;
    pub const SELF_IPI: u32 = 0x3f0;
}

/// How the registers are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apic {
    /// In memory.
    Memory,
    /// As MSRs.
    Msr,
}

impl Apic {
    /// A register.
    #[must_use]
    pub fn read(self, offset: u32) -> u64 {
        match self {
            Self::Memory => {
                let value: u32;
                // SAFETY: `map` has made the page; reading a register changes nothing but itself.
                unsafe {
                    asm!("mov {:e}, [{}]", out(reg) value, in(reg) PAGE + u64::from(offset),
                        options(nostack));
                }
                value.into()
            }
            Self::Msr => rdmsr(msr(offset)).unwrap_or(u64::MAX),
        }
    }

    /// Writes a register.
    pub fn write(self, offset: u32, value: u64) {
        match self {
            // SAFETY: as above; what the interrupts do is the test's own.
            Self::Memory => unsafe {
                asm!("mov [{}], {:e}", in(reg) PAGE + u64::from(offset), in(reg) value,
                    options(nostack));
            },
            Self::Msr => {
                wrmsr(msr(offset), value);
            }
        }
    }

    /// Sends this vCPU an interrupt.
    pub fn send_itself(self, vector: u64) {
        match self {
            Self::Memory => self.write(register::COMMAND, TO_ITSELF | vector),
            Self::Msr => self.write(register::SELF_IPI, vector),
        }
    }

    /// Ends the interrupt in service with the highest priority.
    pub fn end(self) {
        self.write(register::EOI, 0);
    }
}

/// The MSR of the register at an offset.
#[must_use]
pub const fn msr(offset: u32) -> u32 {
    0x800 + offset / 16
}

/// Makes the registers MSRs; returns the faults that it takes.
pub fn to_msrs() -> u64 {
    wrmsr(BASE, rdmsr(BASE).unwrap_or(0) | EXTENDED)
}

/// Maps the registers' page where it is. There is a table for it: minios has mapped the rings, which
/// are in the same 2 MiB. Returns whether there is.
#[must_use]
pub fn map() -> bool {
    const UNCACHED: u64 = 1 << 4 | 1 << 3;
    page_entry::set(PAGE, PAGE | page_entry::RW | UNCACHED)
}
