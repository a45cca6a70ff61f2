// SPDX-License-Identifier: MIT OR Apache-2.0
//! The local APIC: end of interrupt, and the one-shot timer. By x2APIC MSRs if it is in that mode
//! or the CPU has it, else by its registers in memory.
use hv_core::word::low_half;
use spin::Once;
use xen_abi::frame::Maddr;

use super::tsc::{Stamped, stamped};
use super::{cpu, msr};
use crate::boot::paging::{Mapper, Rights};
use crate::memory::layout::FIXED_AREA;

/// Vector of the timer.
pub const TIMER_VECTOR: u8 = 0xf0;
/// Vector of spurious interrupts, which want no end of interrupt.
pub const SPURIOUS_VECTOR: u8 = 0xff;

const ID: u32 = 0x02;
const TASK_PRIORITY: u32 = 0x08;
const END_OF_INTERRUPT: u32 = 0x0b;
const SPURIOUS: u32 = 0x0f;
const COMMAND: u32 = 0x30;
const LVT_TIMER: u32 = 0x32;
const LVT_LINT0: u32 = 0x35;
const LVT_LINT1: u32 = 0x36;
const TIMER_INITIAL: u32 = 0x38;
const TIMER_CURRENT: u32 = 0x39;
const TIMER_DIVIDE: u32 = 0x3e;

const MASKED: u32 = 1 << 16;
const DELIVER_NMI: u32 = 4 << 8;
const X2APIC_BASE: u32 = 0x800;
const ENABLED: u64 = 1 << 11;
const X2APIC: u64 = 1 << 10;

/// Ticks of the timer in 2^32 ns.
static TICKS: Once<u64> = Once::new();

fn is_x2apic() -> bool {
    cpu::features().x2apic
}

/// Maps the registers.
pub fn map(mapper: &mut Mapper<'_>) {
    let base = Maddr::new(msr::read(msr::APIC_BASE) & 0x000f_ffff_ffff_f000);
    mapper.map(FIXED_AREA, base, 1, Rights::DEVICE);
}

fn read(register: u32) -> u32 {
    if is_x2apic() {
        return low_half(msr::read(X2APIC_BASE + register));
    }
    let pointer = (FIXED_AREA + u64::from(register) * 16) as *const u32;
    // SAFETY: the page of the registers is mapped there, uncached.
    unsafe { pointer.read_volatile() }
}

fn write(register: u32, value: u32) {
    if is_x2apic() {
        return msr::write(X2APIC_BASE + register, u64::from(value));
    }
    let pointer = (FIXED_AREA + u64::from(register) * 16) as *mut u32;
    // SAFETY: the page of the registers is mapped there, uncached.
    unsafe { pointer.write_volatile(value) }
}

/// Turns the APIC on, with the timer stopped.
pub fn init() {
    let mode = if is_x2apic() { ENABLED | X2APIC } else { ENABLED };
    msr::write(msr::APIC_BASE, msr::read(msr::APIC_BASE) | mode);
    write(TASK_PRIORITY, 0);
    write(LVT_LINT0, MASKED);
    // NMIs of the machine come here.
    write(LVT_LINT1, DELIVER_NMI);
    write(LVT_TIMER, u32::from(TIMER_VECTOR) | MASKED);
    write(SPURIOUS, 1 << 8 | u32::from(SPURIOUS_VECTOR));
    const DIVIDE_BY_1: u32 = 0b1011;
    write(TIMER_DIVIDE, DIVIDE_BY_1);
}

/// A measurement of the timer under way, by the TSC.
pub struct Measurement(Stamped<u32>);

impl Measurement {
    /// Lets the timer run from its largest count; it must not be in use.
    pub fn begin() -> Self {
        write(TIMER_INITIAL, u32::MAX);
        let first = stamped(|| read(TIMER_CURRENT));
        assert!(first.value > 0, "the APIC timer does not start");
        Self(first)
    }

    /// Ends the measurement once it is long enough; the TSC runs at `tsc_hz`. Measures again if
    /// the timer has ended meanwhile.
    pub fn end(mut self, tsc_hz: u64) {
        let span = tsc_hz / 50;
        let (ticks, nanoseconds) = loop {
            let (first, last) = (self.0, stamped(|| read(TIMER_CURRENT)));
            if last.value == 0 {
                self = Self::begin();
            } else if last.tsc - first.tsc >= span {
                let elapsed = u128::from(last.tsc - first.tsc) * 1_000_000_000;
                break (first.value - last.value, elapsed / u128::from(tsc_hz));
            }
        };
        write(TIMER_INITIAL, 0);
        write(LVT_TIMER, u32::from(TIMER_VECTOR));
        assert!(ticks > 0, "the APIC timer stands still");
        let ticks = (u128::from(ticks) << 32) / nanoseconds;
        TICKS.call_once(|| u64::try_from(ticks).expect("a frequency below 4 GHz * 2^30"));
    }
}

/// The number of this pCPU's APIC, for interrupts that are to come to it.
pub fn id() -> u32 {
    if is_x2apic() { read(ID) } else { read(ID) >> 24 }
}

/// Sends this pCPU an interrupt with `vector`.
pub fn send_to_self(vector: u8) {
    const TO_SELF: u32 = 1 << 18;
    write(COMMAND, TO_SELF | u32::from(vector));
}

/// Ends the interrupt in service.
pub fn end_of_interrupt() {
    write(END_OF_INTERRUPT, 0);
}

/// Has the APIC look again whether an interrupt waits for the processor.
pub fn look_again() {
    write(TASK_PRIORITY, 0);
}

/// Lets the timer fire once in `ns`; it may come early for far deadlines, and never sooner than
/// one tick.
pub fn set_timer(ns: u64) {
    let ticks = (u128::from(ns) * u128::from(*TICKS.get().expect("measured at boot"))) >> 32;
    write(TIMER_INITIAL, u32::try_from(ticks).unwrap_or(u32::MAX).max(1));
}

/// Stops the timer.
pub fn stop_timer() {
    write(TIMER_INITIAL, 0);
}
