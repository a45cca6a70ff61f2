// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interrupts: what each vector above the exceptions is for.
use xen_abi::event_channel::Virq;
use xen_abi::sched::ShutdownReason;

use crate::arch::lapic;
use crate::console;
use crate::events;
use crate::hvm;
use crate::life;
use crate::nmi;
use crate::pirq;
use crate::schedule::{self, Timer};
use crate::vcpu::Vcpu;

/// Handles the interrupt with this vector.
#[inline(never)]
pub fn handle(vector: u32) {
    match vector.to_le_bytes()[0] {
        lapic::SPURIOUS_VECTOR => {}
        lapic::TIMER_VECTOR => {
            lapic::end_of_interrupt();
            schedule::timer_interrupt(timer_fired);
        }
        console::VECTOR => {
            lapic::end_of_interrupt();
            console::receive();
        }
        nmi::VECTOR => {
            lapic::end_of_interrupt();
            nmi::interrupt();
        }
        vector => pirq::interrupt(vector),
    }
}

fn timer_fired(vcpu: &Vcpu, timer: Timer) {
    match timer {
        Timer::Singleshot | Timer::Periodic => events::raise_virq(vcpu, Virq::TIMER),
        Timer::Poll => schedule::wake(vcpu),
        Timer::LocalApic => hvm::local_apic::timer_fired(vcpu),
        Timer::Watchdog(_) => {
            life::shut_down(vcpu.domain(), life::code(ShutdownReason::Watchdog));
        }
    }
}
