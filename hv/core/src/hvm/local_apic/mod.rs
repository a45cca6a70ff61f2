// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`LocalApic`]: the interrupt controller of one virtual CPU (Intel SDM volume 3, chapter 10; the
//! sections are those of 2023).
//!
//! - [`base`]: off, in memory (xAPIC) or in MSRs (x2APIC).
//! - [`registers`]: reading and writing them, in either form.
//! - [`priority`]: which interrupt is next.
//! - [`timer`]: when the timer fires.
//! - [`interrupt_command`]: interrupts to other virtual CPUs.
//! - `record`: saved and restored by the toolstack.
//! - [`mov`]: the instructions by which guests reach the registers in memory.
//!
//! All interrupts are edge-triggered: a PVH domain has no I/O APIC, and messages between local APICs
//! are. So the trigger mode register reads as 0, and an end of interrupt concerns nobody else.

pub mod base;
pub mod interrupt_command;
pub mod mov;
pub mod priority;
mod record;
pub mod registers;
pub mod timer;

#[cfg(test)]
mod tests;

use base::{Base, Mode};
use interrupt_command::Command;
use priority::Vectors;
use registers::{error, lvt};
use timer::{Due, Timer};

/// What software can do with vectors below this is an error: they are those of exceptions (10.5.2).
pub const FIRST_VECTOR: u8 = 16;

/// What is left to do after a register was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Done,
    /// The timer fires at another time than before, or not at all.
    Timer,
    /// The controller has been enabled by software: whoever held interrupts back may send them now.
    Enabled,
    /// A message to other virtual CPUs, or to this one.
    Send(Command),
}

/// What is to be delivered to the virtual CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Nothing,
    /// The interrupt with this vector.
    Deliver(u8),
    /// Something as soon as the task priority sinks.
    Held,
}

/// The local APIC of one virtual CPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalApic {
    vcpu: u32,
    base: Base,
    task_priority: u8,
    requested: Vectors,
    in_service: Vectors,
    /// In memory's form: bits 24 to 31. The other form is fixed.
    logical: u32,
    format: u32,
    spurious: u32,
    /// Errors since the error status was last written, and what it shows.
    found: u32,
    shown: u32,
    command: u64,
    local: [u32; lvt::COUNT],
    timer: Timer,
}

impl LocalApic {
    /// That of vCPU number `vcpu` after power-up (10.4.7.1): on, its registers in memory.
    #[must_use]
    pub const fn new(vcpu: u32) -> Self {
        Self {
            vcpu,
            base: Base::new(vcpu == 0),
            task_priority: 0,
            requested: Vectors::NONE,
            in_service: Vectors::NONE,
            logical: 0,
            format: u32::MAX,
            spurious: registers::SPURIOUS_AT_RESET,
            found: 0,
            shown: 0,
            command: 0,
            local: [lvt::MASKED; lvt::COUNT],
            timer: Timer::STOPPED,
        }
    }

    /// An INIT message has come (10.4.7.3): as after power-up, but for the base register.
    pub fn init(&mut self) {
        *self = Self { base: self.base, ..Self::new(self.vcpu) };
    }

    /// The base register.
    #[must_use]
    pub const fn base(&self) -> Base {
        self.base
    }

    /// Writes the base register; `None` is the guest's #GP. What is turned off forgets its state
    /// (10.4.3).
    #[must_use]
    pub fn set_base(&mut self, value: u64) -> Option<Effect> {
        let base = self.base.write(value)?;
        if base.mode() == Mode::Off {
            self.init();
        }
        self.base = base;
        Some(Effect::Timer)
    }

    /// Its number in messages: as on Xen twice that of the vCPU.
    #[must_use]
    pub const fn id(&self) -> u32 {
        id_of(self.vcpu)
    }

    /// Enabled by the base register and by software (10.4.3): it takes interrupts.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        !matches!(self.base.mode(), Mode::Off) && self.spurious & registers::SPURIOUS_ENABLED != 0
    }

    /// Takes an interrupt. Returns whether that is news for the virtual CPU.
    pub fn accept(&mut self, vector: u8) -> bool {
        if !self.is_enabled() {
            return false;
        }
        if vector < FIRST_VECTOR {
            self.fail(error::RECEIVED_VECTOR);
            return true;
        }
        self.requested.insert(vector)
    }

    /// What is to be delivered now (10.8.3.1).
    #[must_use]
    pub fn next(&self) -> Next {
        let Some(vector) = self.requested.highest().filter(|_| self.is_enabled()) else {
            return Next::Nothing;
        };
        if priority::class(vector) <= self.in_service.class() {
            Next::Nothing
        } else if priority::class(vector) <= priority::class(self.task_priority) {
            Next::Held
        } else {
            Next::Deliver(vector)
        }
    }

    /// The virtual CPU has begun to deliver `vector`.
    pub fn acknowledge(&mut self, vector: u8) {
        self.requested.remove(vector);
        self.in_service.insert(vector);
    }

    /// The end of the interrupt with the highest priority (10.8.5).
    fn end_of_interrupt(&mut self) {
        if let Some(vector) = self.in_service.highest() {
            self.in_service.remove(vector);
        }
    }

    /// Bits 4 to 7 of the task priority, which are CR8 (10.8.6).
    #[must_use]
    pub const fn task_priority_class(&self) -> u8 {
        priority::class(self.task_priority)
    }

    /// CR8 has changed.
    pub fn set_task_priority_class(&mut self, class: u8) {
        if class != self.task_priority_class() {
            self.task_priority = (class & 0xf) << 4;
        }
    }

    /// The priority below which interrupts wait (10.8.3.1).
    #[must_use]
    pub fn processor_priority(&self) -> u8 {
        priority::processor_priority(self.task_priority, self.in_service.class())
    }

    /// When the timer fires next.
    #[must_use]
    pub const fn timer_due(&self) -> Option<Due> {
        self.timer.due()
    }

    /// The TSC deadline (`IA32_TSC_DEADLINE`); 0 where there is none.
    #[must_use]
    pub const fn tsc_deadline(&self) -> u64 {
        self.timer.tsc_deadline()
    }

    /// Sets the TSC deadline; without effect in other modes of the timer (10.5.4.1).
    pub fn set_tsc_deadline(&mut self, value: u64) {
        self.timer.set_tsc_deadline(value);
    }

    /// The timer has fired. Returns whether an interrupt came of it.
    pub fn timer_fired(&mut self, now_ns: u64) -> bool {
        self.timer.fired(now_ns);
        self.local_interrupt(lvt::TIMER)
    }

    /// An interrupt of the local vector table, unless it is masked.
    fn local_interrupt(&mut self, entry: usize) -> bool {
        let entry = self.local.get(entry).copied().unwrap_or(lvt::MASKED);
        let [vector, ..] = entry.to_le_bytes();
        entry & lvt::MASKED == 0 && self.accept(vector)
    }

    /// Notes an error (10.5.3), and raises its interrupt once until the status is written.
    pub(crate) fn fail(&mut self, error: u32) {
        let is_new = self.found & error == 0;
        self.found |= error;
        let [vector, ..] = self.local.get(lvt::ERROR).copied().unwrap_or(0).to_le_bytes();
        if vector < FIRST_VECTOR {
            // Its own vector is one more error, and no second interrupt.
            let unmasked = self.local.get(lvt::ERROR).is_some_and(|entry| entry & lvt::MASKED == 0);
            self.found |= if unmasked { error::RECEIVED_VECTOR } else { 0 };
        } else if is_new {
            self.local_interrupt(lvt::ERROR);
        }
    }
}

/// The number of a vCPU's local APIC.
#[must_use]
pub const fn id_of(vcpu: u32) -> u32 {
    vcpu.wrapping_mul(2)
}
