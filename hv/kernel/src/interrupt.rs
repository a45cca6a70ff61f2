// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interrupts: what each vector above the exceptions is for.
use crate::arch::lapic;
use crate::current::pcpu;

/// Handles the interrupt with this vector.
pub fn handle(vector: u32) {
    match vector.to_le_bytes()[0] {
        lapic::SPURIOUS_VECTOR => {}
        lapic::TIMER_VECTOR => {
            lapic::end_of_interrupt();
            pcpu().reschedule.set(true);
        }
        _ => lapic::end_of_interrupt(),
    }
}
