// SPDX-License-Identifier: MIT OR Apache-2.0
//! The time stamp counter, and readings of other counters that are to be compared with it.
use core::arch::x86_64::_rdtsc;

/// Ticks since some moment before boot.
pub fn read() -> u64 {
    // SAFETY: reading a counter changes nothing.
    unsafe { _rdtsc() }
}

/// What another counter said, and the time stamp at that moment.
#[derive(Clone, Copy)]
pub struct Stamped<T> {
    /// The time stamp.
    pub tsc: u64,
    /// What was read.
    pub value: T,
    /// How long it took, in ticks.
    width: u64,
}

/// The quickest of several readings: a hypervisor below may take the processor away during any of
/// them, which is seen because that one took long.
pub fn stamped<T>(reading: impl Fn() -> T) -> Stamped<T> {
    let one = || {
        let before = read();
        let value = reading();
        let width = read() - before;
        Stamped { tsc: before + width / 2, value, width }
    };
    let others = (0..4).map(|_| one());
    others.fold(one(), |best, other| if other.width < best.width { other } else { best })
}
