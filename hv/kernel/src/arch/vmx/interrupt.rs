// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a guest takes at its next entry, and what makes it leave when it can take more (25.6.2,
//! 25.8.3).
use hv_core::hvm::vmx::event::{Event, Kind};
use xen_abi::trap::VECTOR_NMI;

use super::features::{bits, vmx};
use super::field::Field;
use super::vmcs::Vmcs;
use crate::hvm::control_block::Request;

/// Bit of rflags.
const INTERRUPTS_ON: u64 = 1 << 9;
/// [`Field::INTERRUPTIBILITY`]: one instruction after `sti`, or after `mov ss`.
const HELD_BACK: u64 = 0b11;
/// [`Field::INTERRUPTIBILITY`]: until the NMI handler's `iret`.
const NMI_BLOCKED: u64 = 1 << 3;

impl Vmcs {
    /// The event to deliver at the next entry.
    pub(super) fn set_event(&self, event: Event) {
        self.write_u32(Field::ENTRY_EVENT, event.to_bits());
        if let Some(code) = event.error_code {
            self.write_u32(Field::ENTRY_ERROR_CODE, code);
        }
    }

    /// The instruction before no longer holds interrupts back.
    pub(super) fn end_hold(&self) {
        self.clear_interruptibility(HELD_BACK);
    }

    /// The guest can take an NMI.
    pub(super) fn unblock_nmi(&self) {
        self.clear_interruptibility(NMI_BLOCKED);
    }

    /// The guest cannot take an NMI.
    pub(super) fn block_nmi(&self) {
        self.write(Field::INTERRUPTIBILITY, self.read(Field::INTERRUPTIBILITY) | NMI_BLOCKED);
    }

    fn clear_interruptibility(&self, bits: u64) {
        let state = self.read(Field::INTERRUPTIBILITY);
        if state & bits != 0 {
            self.write(Field::INTERRUPTIBILITY, state & !bits);
        }
    }

    /// Whether nothing else is to be delivered, and `holds` do not hold an event back.
    fn is_open(&self, holds: u64) -> bool {
        const VALID: u32 = 1 << 31;
        self.read_u32(Field::ENTRY_EVENT) & VALID == 0
            && self.read(Field::INTERRUPTIBILITY) & holds == 0
    }

    /// Delivers an NMI at the next entry, if the guest can take one then.
    pub(super) fn deliver_nmi(&self) -> bool {
        let can_take = self.is_open(HELD_BACK | NMI_BLOCKED);
        if can_take {
            self.set_event(Event { kind: Kind::Nmi, vector: VECTOR_NMI, error_code: None });
        }
        can_take
    }

    /// Delivers what was requested if the guest can take it now; else it leaves when it can.
    pub(super) fn offer(&self, rflags: u64) {
        let window = match self.request.get() {
            Request::Interrupt(vector) => {
                let can_take = rflags & INTERRUPTS_ON != 0 && self.is_open(HELD_BACK);
                self.is_interrupt_taken.set(can_take);
                if can_take {
                    self.set_event(Event::interrupt(vector));
                }
                if can_take { 0 } else { bits::INTERRUPT_WINDOW }
            }
            Request::Window => bits::NMI_WINDOW,
            // Accesses to CR8 leave in any case.
            Request::Nothing | Request::TaskPriority => 0,
        };
        self.write_u32(
            Field::PROCESSOR_CONTROLS,
            vmx().processor | self.shadow_controls() | window,
        );
    }

    /// Interrupts of the host leave the guest whatever its interrupt flag is; but Bochs 2.7 holds
    /// them back from a guest that is entered with the flag clear, until it changes it. Such a run
    /// ends after so many ticks of the TSC.
    pub(super) fn limit_run(&self, rflags: u64) {
        const HELD_RUN_TICKS: u64 = 1 << 18;
        if vmx().pin & bits::TIMER == 0 {
            return;
        }
        let is_held = rflags & INTERRUPTS_ON == 0;
        let ticks = if is_held { HELD_RUN_TICKS >> vmx().timer_shift } else { u32::MAX.into() };
        self.write(Field::TIMER, ticks);
    }
}
