// SPDX-License-Identifier: MIT OR Apache-2.0
//! The time stamp counter.
use core::arch::x86_64::_rdtsc;

/// Ticks since some moment before boot.
pub fn read() -> u64 {
    // SAFETY: reading a counter changes nothing.
    unsafe { _rdtsc() }
}
