// SPDX-License-Identifier: MIT OR Apache-2.0
//! A vcpu's clock: from time stamp counter to nanoseconds (`public/xen.h`).
//!
//! Writer and readers share a version: odd while the record changes, so a reader that saw an odd
//! version, or two different ones, reads again.

use core::hint::spin_loop;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicI8, AtomicU8, AtomicU32, AtomicU64, fence};
use zerocopy::{FromBytes, IntoBytes, KnownLayout};

/// [`VcpuTimeInfo::flags`]: the counter agrees on all vcpus.
pub const TSC_STABLE: u8 = 1;

/// The clock record the hypervisor writes and the guest reads.
#[derive(Debug, Default, FromBytes, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct VcpuTimeInfo {
    /// Odd while the record is written.
    pub version: AtomicU32,
    /// Padding.
    pub _pad0: AtomicU32,
    /// Counter value at [`Self::system_time`].
    pub tsc_timestamp: AtomicU64,
    /// Nanoseconds since the hypervisor started.
    pub system_time: AtomicU64,
    /// Nanoseconds per shifted tick, times 2^32.
    pub tsc_to_system_mul: AtomicU32,
    /// Left shift of the tick count, right if negative.
    pub tsc_shift: AtomicI8,
    /// [`TSC_STABLE`].
    pub flags: AtomicU8,
    /// Padding.
    pub _pad1: [AtomicU8; 2],
}

assert_layout!(VcpuTimeInfo, size = 32, tsc_timestamp @ 8, system_time @ 16,
    tsc_to_system_mul @ 24, tsc_shift @ 28, flags @ 29);

/// One consistent reading of a [`VcpuTimeInfo`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeSnapshot {
    /// Counter value at [`Self::system_time`].
    pub tsc_timestamp: u64,
    /// Nanoseconds since the hypervisor started.
    pub system_time: u64,
    /// Nanoseconds per shifted tick, times 2^32.
    pub mul: u32,
    /// Left shift of the tick count, right if negative.
    pub shift: i8,
}

impl VcpuTimeInfo {
    /// Reads the record; waits while it is being written.
    #[must_use]
    pub fn read(&self) -> TimeSnapshot {
        loop {
            let before = self.version.load(Acquire);
            let snapshot = TimeSnapshot {
                tsc_timestamp: self.tsc_timestamp.load(Relaxed),
                system_time: self.system_time.load(Relaxed),
                mul: self.tsc_to_system_mul.load(Relaxed),
                shift: self.tsc_shift.load(Relaxed),
            };
            fence(Acquire);
            if before & 1 == 0 && self.version.load(Relaxed) == before {
                return snapshot;
            }
            spin_loop();
        }
    }

    /// Writes the record. There is one writer at a time; `flags` stay as they are.
    pub fn write(&self, snapshot: TimeSnapshot) {
        let even = self.version.load(Relaxed) & !1;
        self.version.store(even | 1, Relaxed);
        fence(Release);
        self.tsc_timestamp.store(snapshot.tsc_timestamp, Relaxed);
        self.system_time.store(snapshot.system_time, Relaxed);
        self.tsc_to_system_mul.store(snapshot.mul, Relaxed);
        self.tsc_shift.store(snapshot.shift, Relaxed);
        self.version.store(even.wrapping_add(2), Release);
    }
}

impl TimeSnapshot {
    /// The system time in ns at a counter value; the stamp's own time for an earlier one.
    #[must_use]
    pub fn system_time_at(&self, tsc: u64) -> u64 {
        // The timestamp of a domain with a counter of its own can lie before that counter's zero.
        let ticks = tsc.wrapping_sub(self.tsc_timestamp).cast_signed().max(0);
        let ticks = u128::from(ticks.unsigned_abs());
        let distance = u32::from(self.shift.unsigned_abs());
        let shifted =
            if self.shift < 0 { ticks >> distance.min(64) } else { ticks << distance.min(31) };
        let elapsed = (shifted * u128::from(self.mul)) >> 32;
        self.system_time.saturating_add(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    /// `(mul, shift)` for a counter of `tsc_hz`, with as many significant bits as fit.
    #[must_use]
    pub fn scale_for(tsc_hz: u64) -> (u32, i8) {
        let hz = u128::from(tsc_hz.max(1));
        let unit = 1_000_000_000_u128 << 32;
        let mut shift = 31_i8;
        loop {
            let distance = u32::from(shift.unsigned_abs());
            let scaled = if shift < 0 { unit << distance } else { unit >> distance };
            match u32::try_from(scaled / hz) {
                Ok(mul) if mul >> 31 == 1 || shift == -40 => return (mul, shift),
                _ => shift -= 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(hz: u64) -> TimeSnapshot {
        let (mul, shift) = TimeSnapshot::scale_for(hz);
        TimeSnapshot { tsc_timestamp: 1000, system_time: 5, mul, shift }
    }

    #[test]
    fn an_hour_is_an_hour_at_any_frequency() {
        for hz in [1, 32_768, 1_000_000, 999_999_999, 1_000_000_000, 2_893_202_000, 6_000_000_000] {
            let clock = snapshot(hz);
            let hour = clock.system_time_at(1000 + 3600 * hz) - 5;
            assert!(hour.abs_diff(3_600_000_000_000) < 5000, "{hz} Hz: {hour} ns");
        }
    }

    #[test]
    fn extremes_neither_panic_nor_go_back() {
        for hz in [0, 1, u64::MAX] {
            assert!(snapshot(hz).system_time_at(u64::MAX) >= 5);
        }
        assert_eq!(snapshot(1_000_000_000).system_time_at(0), 5);
        let before_zero =
            TimeSnapshot { tsc_timestamp: 0_u64.wrapping_sub(100), ..snapshot(1_000_000_000) };
        assert!(before_zero.system_time_at(900).abs_diff(1005) <= 1);
        for shift in [i8::MIN, i8::MAX] {
            let wild = TimeSnapshot { mul: u32::MAX, shift, ..Default::default() };
            let _ = wild.system_time_at(u64::MAX);
        }
    }

    #[test]
    fn write_then_read() {
        let shared = VcpuTimeInfo::default();
        shared.version.store(u32::MAX, Relaxed);
        shared.write(snapshot(3_000_000_000));
        assert_eq!(shared.read(), snapshot(3_000_000_000));
        assert_eq!(shared.version.load(Relaxed) & 1, 0);
    }
}
