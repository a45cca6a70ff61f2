// SPDX-License-Identifier: MIT OR Apache-2.0
//! The 8254 timer, used once: as the known clock that the TSC and the LAPIC timer are measured by.
use super::port::{in8, out8};

/// Its frequency.
const HZ: u64 = 1_193_182;

const CHANNEL2: u16 = 0x42;
const COMMAND: u16 = 0x43;
const GATE: u16 = 0x61;

/// Ticks of one measurement: 10 ms.
const SPAN: u16 = 11_932;
/// A measurement is good when another one differs by no more than one part in so many.
const PRECISION: u64 = 2000;
/// Most measurements.
const MOST: u32 = 20;

/// Measures a counter that counts up: returns its frequency in Hz. `start` is called as a
/// measurement begins and `read` as it ends, for the count since.
///
/// A measurement may come out too long, where a hypervisor below takes the processor away as it
/// ends, but never too short: the least is right, once it has been seen twice.
pub fn measure_hz(start: impl Fn(), read: impl Fn() -> u64) -> u64 {
    let mut least = u64::MAX;
    for _ in 0..MOST {
        assert!(one_shot(&start), "the PIT does not run, so that nothing can be measured by it");
        let count = read();
        let close = count.abs_diff(least) <= least / PRECISION;
        least = least.min(count);
        if close {
            break;
        }
    }
    let hz = u128::from(least) * u128::from(HZ) / u128::from(SPAN);
    u64::try_from(hz).expect("a frequency of less than 2^64 Hz")
}

/// Runs channel 2 once for [`SPAN`]; `start` is called as it begins and the function returns as
/// it ends. Returns whether the timer ever ended.
fn one_shot(start: impl Fn()) -> bool {
    const GATE_ON: u8 = 1;
    const SPEAKER: u8 = 2;
    const OUTPUT: u8 = 1 << 5;
    let [low, high] = SPAN.to_le_bytes();
    out8(GATE, in8(GATE) & !(SPEAKER | GATE_ON));
    out8(COMMAND, 0xb0);
    out8(CHANNEL2, low);
    start();
    out8(CHANNEL2, high);
    out8(GATE, (in8(GATE) & !SPEAKER) | GATE_ON);
    (0..1 << 24).any(|_| in8(GATE) & OUTPUT != 0)
}
