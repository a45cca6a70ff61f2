// SPDX-License-Identifier: MIT OR Apache-2.0
//! System time: nanoseconds since boot, from the TSC; and what guests see of it.
use spin::Once;
use xen_abi::time::{TSC_STABLE, TimeSnapshot};

use core::sync::atomic::Ordering;

use crate::arch::{cpu, ioapic, lapic, pit, rtc, tsc};
use crate::domain::Domain;
use crate::log;
use crate::vcpu::Vcpu;

/// The clock's rate, and where it started.
struct Clock {
    start: TimeSnapshot,
    wall_seconds: u64,
}

static CLOCK: Once<Clock> = Once::new();

/// The measurement of the clocks, which takes 20 ms in which others may work.
pub struct Measurement {
    tsc: pit::Measurement,
    timer: lapic::Measurement,
}

impl Measurement {
    /// Turns the interrupt controllers on and begins.
    pub fn begin() -> Self {
        ioapic::init();
        lapic::init();
        Self { tsc: pit::Measurement::begin(), timer: lapic::Measurement::begin() }
    }

    /// Waits for the rest of the 20 ms, and starts system time.
    pub fn start_clock(self) {
        let hz = self.tsc.tsc_hz();
        self.timer.end(hz);
        let (mul, shift) = TimeSnapshot::scale_for(hz);
        let start = TimeSnapshot { tsc_timestamp: tsc::read(), system_time: 0, mul, shift };
        CLOCK.call_once(|| Clock { start, wall_seconds: rtc::unix_seconds() });
        let invariant = if cpu::features().invariant_tsc { ", invariant" } else { "" };
        log!("TSC at {} MHz{invariant}", hz / 1_000_000);
    }
}

fn clock() -> &'static Clock {
    CLOCK.get().expect("the clock is started at boot")
}

/// Nanoseconds since boot.
pub fn now_ns() -> u64 {
    clock().start.system_time_at(tsc::read())
}

/// System time when the host's TSC is `tsc`, ns.
pub fn of_tsc(tsc: u64) -> u64 {
    clock().start.system_time_at(tsc)
}

/// Seconds since 1970 at system time 0.
pub fn wall_clock_at_boot() -> u64 {
    clock().wall_seconds
}

/// TSC ticks a second, in kHz.
pub fn tsc_khz() -> u64 {
    let TimeSnapshot { mul, shift, .. } = clock().start;
    let base = (1_000_000u128 << 32) / u128::from(mul);
    let khz = if shift < 0 { base << shift.unsigned_abs() } else { base >> shift };
    u64::try_from(khz).unwrap_or(u64::MAX)
}

/// Writes the vCPU's time record: at its start, and from time to time.
pub fn update_vcpu_time(vcpu: &Vcpu) {
    let start = clock().start;
    let now = tsc::read();
    let snapshot = TimeSnapshot {
        tsc_timestamp: now.wrapping_add(vcpu.hvm.tsc_offset.get()),
        system_time: start.system_time_at(now),
        ..start
    };
    let time = &vcpu.info().time;
    time.write(snapshot);
    time.flags.store(TSC_STABLE, Ordering::Relaxed);
}

/// Writes the wall clock into a domain's shared page.
pub fn update_wall_clock(domain: &Domain) {
    let shared = domain.shared_info();
    let version = shared.wc_version.load(Ordering::Relaxed) & !1;
    shared.wc_version.store(version | 1, Ordering::Release);
    let [a, b, c, d, e, f, g, h] = wall_clock_at_boot().to_le_bytes();
    shared.wc_sec.store(u32::from_le_bytes([a, b, c, d]), Ordering::Release);
    shared.wc_sec_hi.store(u32::from_le_bytes([e, f, g, h]), Ordering::Release);
    shared.wc_nsec.store(0, Ordering::Release);
    shared.wc_version.store(version.wrapping_add(2), Ordering::Release);
}

/// Lets the timer of this pCPU fire at a system time in ns, or not at all.
pub fn set_deadline(deadline_ns: Option<u64>) {
    match deadline_ns {
        Some(deadline) => lapic::set_timer(deadline.saturating_sub(now_ns())),
        None => lapic::stop_timer(),
    }
}
