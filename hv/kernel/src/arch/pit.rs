// SPDX-License-Identifier: MIT OR Apache-2.0
//! The 8254 timer, used once: as the known clock that the TSC and the LAPIC timer are measured by.
use super::port::{in8, out8};

/// Its frequency.
pub const HZ: u64 = 1_193_182;

const CHANNEL2: u16 = 0x42;
const COMMAND: u16 = 0x43;
const GATE: u16 = 0x61;

/// Runs channel 2 once for `ticks` ticks; `start` is called as it begins and the function returns
/// as it ends. Returns whether the timer ever ended.
pub fn one_shot(ticks: u16, start: impl FnOnce()) -> bool {
    const GATE_ON: u8 = 1;
    const SPEAKER: u8 = 2;
    const OUTPUT: u8 = 1 << 5;
    let [low, high] = ticks.to_le_bytes();
    out8(GATE, in8(GATE) & !(SPEAKER | GATE_ON));
    out8(COMMAND, 0xb0);
    out8(CHANNEL2, low);
    out8(CHANNEL2, high);
    out8(GATE, (in8(GATE) & !SPEAKER) | GATE_ON);
    start();
    (0..1 << 24).any(|_| in8(GATE) & OUTPUT != 0)
}
