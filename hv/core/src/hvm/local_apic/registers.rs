// SPDX-License-Identifier: MIT OR Apache-2.0
//! The registers, in memory (Intel SDM volume 3, table 10-1) and as MSRs (table 10-6).
//!
//! A register is named by its number: the MSR less 0x800, the offset in memory divided by 16.
use super::base::Mode;
use super::interrupt_command::Command;
use super::timer::TimerMode;
use super::{Effect, FIRST_VECTOR, LocalApic};
use crate::word::halves;

/// The MSR of register 0.
pub const FIRST_MSR: u32 = 0x800;
/// The spurious interrupt vector register after power-up (10.9).
pub const SPURIOUS_AT_RESET: u32 = 0xff;
/// In it: software wants interrupts.
pub const SPURIOUS_ENABLED: u32 = 1 << 8;
/// Where the destination format register has its model.
pub(super) const FORMAT_SHIFT: u32 = 28;

/// 6 entries in the local vector table, version 0x14, as on Xen (10.4.8).
const VERSION: u32 = 5 << 16 | 0x14;
const SPURIOUS_BITS: u32 = 0x3ff;
/// What software may write to the command register; bit 12 is the controller's to set.
const COMMAND_BITS: u32 = 0x000c_cfff;

pub(super) mod number {
    pub(in crate::hvm::local_apic) const ID: u8 = 0x02;
    pub(in crate::hvm::local_apic) const VERSION: u8 = 0x03;
    pub(in crate::hvm::local_apic) const TASK_PRIORITY: u8 = 0x08;
    pub(in crate::hvm::local_apic) const ARBITRATION_PRIORITY: u8 = 0x09;
    pub(in crate::hvm::local_apic) const PROCESSOR_PRIORITY: u8 = 0x0a;
    pub(in crate::hvm::local_apic) const END_OF_INTERRUPT: u8 = 0x0b;
    pub(in crate::hvm::local_apic) const LOGICAL: u8 = 0x0d;
    pub(in crate::hvm::local_apic) const FORMAT: u8 = 0x0e;
    pub(in crate::hvm::local_apic) const SPURIOUS: u8 = 0x0f;
    pub(in crate::hvm::local_apic) const IN_SERVICE: u8 = 0x10;
    pub(in crate::hvm::local_apic) const TRIGGER_MODE: u8 = 0x18;
    pub(in crate::hvm::local_apic) const REQUESTED: u8 = 0x20;
    pub(in crate::hvm::local_apic) const ERROR_STATUS: u8 = 0x28;
    pub(in crate::hvm::local_apic) const COMMAND: u8 = 0x30;
    pub(in crate::hvm::local_apic) const COMMAND_HIGH: u8 = 0x31;
    pub(in crate::hvm::local_apic) const LOCAL: u8 = 0x32;
    pub(in crate::hvm::local_apic) const LOCAL_LAST: u8 = 0x37;
    pub(in crate::hvm::local_apic) const TIMER_INITIAL: u8 = 0x38;
    pub(in crate::hvm::local_apic) const TIMER_CURRENT: u8 = 0x39;
    pub(in crate::hvm::local_apic) const TIMER_DIVIDE: u8 = 0x3e;
    pub(in crate::hvm::local_apic) const SELF_IPI: u8 = 0x3f;
}

/// Bits of the error status register (10.5.3).
pub(super) mod error {
    pub(in crate::hvm::local_apic) const SENT_VECTOR: u32 = 1 << 5;
    pub(in crate::hvm::local_apic) const RECEIVED_VECTOR: u32 = 1 << 6;
    pub(in crate::hvm::local_apic) const REGISTER: u32 = 1 << 7;
    pub(in crate::hvm::local_apic) const ALL: u32 = SENT_VECTOR | RECEIVED_VECTOR | REGISTER;
}

/// The local vector table (10.5.1): timer, thermal sensor, performance counters, LINT0, LINT1,
/// error.
pub(super) mod lvt {
    pub(in crate::hvm::local_apic) const COUNT: usize = 6;
    pub(in crate::hvm::local_apic) const TIMER: usize = 0;
    pub(in crate::hvm::local_apic) const ERROR: usize = 5;
    pub(in crate::hvm::local_apic) const MASKED: u32 = 1 << 16;
    const VECTOR: u32 = 0xff;
    const DELIVERY: u32 = 7 << 8;
    const TIMER_MODE: u32 = 3 << 17;
    const POLARITY_AND_TRIGGER: u32 = 1 << 13 | 1 << 15;
    /// What software may write.
    pub(in crate::hvm::local_apic) const WRITABLE: [u32; COUNT] = [
        VECTOR | MASKED | TIMER_MODE,
        VECTOR | MASKED | DELIVERY,
        VECTOR | MASKED | DELIVERY,
        VECTOR | MASKED | DELIVERY | POLARITY_AND_TRIGGER,
        VECTOR | MASKED | DELIVERY | POLARITY_AND_TRIGGER,
        VECTOR | MASKED,
    ];
    /// What software may write and the controller ignores: the delivery status, and whether a level
    /// is accepted.
    pub(in crate::hvm::local_apic) const READ_ONLY: u32 = 1 << 12 | 1 << 14;
}

impl LocalApic {
    /// Reads a register by its MSR (10.12.1.2); `None` is the guest's #GP.
    #[must_use]
    pub fn read_msr(&self, msr: u32, now_ns: u64) -> Option<u64> {
        let number = number_of(msr).filter(|_| self.base().mode() == Mode::X2Apic)?;
        match number {
            number::COMMAND => Some(self.command),
            number::ARBITRATION_PRIORITY | number::FORMAT | number::COMMAND_HIGH => None,
            _ => self.read(number, now_ns).map(u64::from),
        }
    }

    /// Writes a register by its MSR; `None` is the guest's #GP: in memory's form, for registers
    /// that there are not or that are not to be written, and for reserved bits.
    #[must_use]
    pub fn write_msr(&mut self, msr: u32, value: u64, now_ns: u64) -> Option<Effect> {
        let number = number_of(msr).filter(|_| self.base().mode() == Mode::X2Apic)?;
        let (low, high) = halves(value);
        if high != 0 && number != number::COMMAND || low & !settable(number)? != 0 {
            return None;
        }
        match number {
            number::COMMAND => self.command = value,
            number::SELF_IPI => {
                const TO_ITSELF: u32 = 1 << 18;
                return Some(self.send(low | TO_ITSELF, 0));
            }
            _ => {}
        }
        Some(self.write(number, low, now_ns))
    }

    /// Reads the register at `offset` in its page. There is nothing between registers; a register
    /// that there is not is an error, and reads as 0.
    #[must_use]
    pub fn read_memory(&mut self, offset: u16, now_ns: u64) -> u32 {
        let Some(number) = self.number_at(offset) else { return 0 };
        let value = match number {
            number::SELF_IPI => None,
            number::COMMAND => Some(halves(self.command).0),
            number::COMMAND_HIGH => Some(halves(self.command).1),
            number::ARBITRATION_PRIORITY => Some(0),
            number::FORMAT => Some(self.format),
            number::END_OF_INTERRUPT => Some(0),
            _ => self.read(number, now_ns),
        };
        value.unwrap_or_else(|| {
            self.fail(error::REGISTER);
            0
        })
    }

    /// Writes the register at `offset` in its page; what cannot be written stays as it is.
    pub fn write_memory(&mut self, offset: u16, value: u32, now_ns: u64) -> Effect {
        let Some(number) = self.number_at(offset) else { return Effect::Done };
        let (low, high) = halves(self.command);
        match number {
            number::COMMAND_HIGH => {
                self.command = u64::from(value & 0xff00_0000) << 32 | u64::from(low);
            }
            number::COMMAND => {
                let value = value & COMMAND_BITS;
                self.command = u64::from(high) << 32 | u64::from(value);
                return self.write(number, value, now_ns);
            }
            number::LOGICAL => self.logical = value & 0xff00_0000,
            number::FORMAT => self.format = value | 0x0fff_ffff,
            number::SELF_IPI => self.fail(error::REGISTER),
            // Whatever is written is the end of the interrupt.
            number::END_OF_INTERRUPT => return self.write(number, 0, now_ns),
            _ => match settable(number) {
                Some(bits) => return self.write(number, value & bits, now_ns),
                None if self.read(number, now_ns).is_none() => self.fail(error::REGISTER),
                None => {}
            },
        }
        Effect::Done
    }

    /// The register at an offset; `None` in its page's gaps, and where registers are not in memory.
    fn number_at(&self, offset: u16) -> Option<u8> {
        let is_there = self.base().mode() == Mode::XApic && offset & 0xf == 0;
        u8::try_from(offset >> 4).ok().filter(|_| is_there)
    }

    /// What both forms read alike; `None` for a register that there is not.
    pub(super) fn read(&self, number: u8, now_ns: u64) -> Option<u32> {
        Some(match number {
            number::ID if self.base().mode() == Mode::X2Apic => self.id(),
            number::ID => self.id().wrapping_shl(24),
            number::VERSION => VERSION,
            number::TASK_PRIORITY => u32::from(self.task_priority),
            number::PROCESSOR_PRIORITY => u32::from(self.processor_priority()),
            number::LOGICAL => self.logical(),
            number::SPURIOUS => self.spurious,
            number::IN_SERVICE..number::TRIGGER_MODE => self.in_service.word(number & 7),
            number::TRIGGER_MODE..number::REQUESTED => 0,
            number::REQUESTED..number::ERROR_STATUS => self.requested.word(number & 7),
            number::ERROR_STATUS => self.shown,
            number::LOCAL..=number::LOCAL_LAST => {
                let index = usize::from(number.wrapping_sub(number::LOCAL));
                self.local.get(index).copied()?
            }
            number::TIMER_INITIAL => self.timer.initial(),
            number::TIMER_CURRENT => self.timer.current(now_ns),
            number::TIMER_DIVIDE => self.timer.divide(),
            _ => return None,
        })
    }

    /// What both forms write alike, reserved bits aside.
    fn write(&mut self, number: u8, value: u32, now_ns: u64) -> Effect {
        let [low, ..] = value.to_le_bytes();
        match number {
            number::TASK_PRIORITY => self.task_priority = low,
            number::END_OF_INTERRUPT => self.end_of_interrupt(),
            number::SPURIOUS => return self.set_spurious(value),
            number::ERROR_STATUS => {
                self.shown = self.found;
                self.found = 0;
            }
            number::COMMAND => {
                let (_, high) = halves(self.command);
                let in_memory = self.base().mode() == Mode::XApic;
                return self.send(value, if in_memory { high >> 24 } else { high });
            }
            number::LOCAL..=number::LOCAL_LAST => {
                return self.set_local(number.wrapping_sub(number::LOCAL), value, now_ns);
            }
            number::TIMER_INITIAL => {
                self.timer.set_initial(value, now_ns);
                return Effect::Timer;
            }
            number::TIMER_DIVIDE => {
                self.timer.set_divide(value, now_ns);
                return Effect::Timer;
            }
            _ => {}
        }
        Effect::Done
    }

    /// Disabled by software, the controller masks its local interrupts (10.4.7.2).
    fn set_spurious(&mut self, value: u32) -> Effect {
        self.spurious = value;
        if value & SPURIOUS_ENABLED != 0 {
            return Effect::Enabled;
        }
        self.local.iter_mut().for_each(|entry| *entry |= lvt::MASKED);
        Effect::Done
    }

    fn set_local(&mut self, index: u8, value: u32, now_ns: u64) -> Effect {
        let index = usize::from(index);
        let masked = if self.spurious & SPURIOUS_ENABLED != 0 { 0 } else { lvt::MASKED };
        if let Some(entry) = self.local.get_mut(index) {
            *entry = value & !lvt::READ_ONLY | masked;
        }
        if index != lvt::TIMER {
            return Effect::Done;
        }
        self.timer.set_mode(TimerMode::of(value), now_ns);
        Effect::Timer
    }

    fn send(&mut self, low: u32, target: u32) -> Effect {
        let Some(command) = Command::of(low, target) else { return Effect::Done };
        if command.vector().is_some_and(|vector| vector < FIRST_VECTOR) {
            self.fail(error::SENT_VECTOR);
            return Effect::Done;
        }
        Effect::Send(command)
    }

    /// The logical destination register; that of x2APIC is fixed: 16 to a cluster (10.12.10.2).
    pub(super) fn logical(&self) -> u32 {
        if self.base().mode() != Mode::X2Apic {
            return self.logical;
        }
        (self.id() >> 4).wrapping_shl(16) | 1u32.wrapping_shl(self.id() & 0xf)
    }
}

/// What may be set in a register that is written alike in both forms; `None`: not to be written.
pub(super) fn settable(number: u8) -> Option<u32> {
    Some(match number {
        number::TASK_PRIORITY | number::SELF_IPI => 0xff,
        number::END_OF_INTERRUPT | number::ERROR_STATUS => 0,
        number::SPURIOUS => SPURIOUS_BITS,
        number::COMMAND => COMMAND_BITS,
        number::LOCAL..=number::LOCAL_LAST => {
            let index = usize::from(number.wrapping_sub(number::LOCAL));
            lvt::WRITABLE.get(index)? | lvt::READ_ONLY
        }
        number::TIMER_INITIAL => u32::MAX,
        number::TIMER_DIVIDE => 0b1011,
        _ => return None,
    })
}

fn number_of(msr: u32) -> Option<u8> {
    u8::try_from(msr.checked_sub(FIRST_MSR)?).ok()
}
