// SPDX-License-Identifier: MIT OR Apache-2.0
//! The 8254 timer, used once: as the known clock that the TSC and the LAPIC timer are measured by.
use super::port::{in8, out8};

/// Its frequency.
const HZ: u64 = 1_193_182;

const CHANNEL2: u16 = 0x42;
const COMMAND: u16 = 0x43;
const GATE: u16 = 0x61;

/// Ticks of a measurement: 20 ms, of the 55 ms until the timer ends.
const SPAN: u16 = 23_864;
/// Most measurements.
const MOST: u32 = 60;
/// After so many in vain the next ones are half as long: on a busy host the processor may be away
/// for longer than the timer runs.
const PATIENCE: u32 = 10;

/// The timer's count, and that of the counter to measure at the same moment.
#[derive(Clone, Copy)]
struct Sample {
    ticks_left: u16,
    counter: u64,
    /// How long it took, by the counter.
    width: u64,
}

/// Measures a counter that counts up: returns its frequency in Hz. `start` is called as a
/// measurement begins.
///
/// Both clocks are read together at the start and at the end. A hypervisor below may take the
/// processor away at any time: between the two that does no harm, and during a reading it is
/// seen, because the reading took long.
pub fn measure_hz(start: impl Fn(), read: impl Fn() -> u64) -> u64 {
    for attempt in 0..MOST {
        let span = SPAN >> (attempt / PATIENCE);
        begin();
        start();
        let first = sample(&read);
        let last = loop {
            let now = sample(&read);
            if first.ticks_left.wrapping_sub(now.ticks_left) >= span || has_ended() {
                break now;
            }
        };
        if !has_ended() {
            let ticks = u128::from(first.ticks_left.wrapping_sub(last.ticks_left));
            let counted = u128::from(last.counter - first.counter);
            return u64::try_from(counted * u128::from(HZ) / ticks).expect("less than 2^64 Hz");
        }
    }
    panic!("the PIT does not run, or nothing can be measured by it");
}

/// Starts channel 2 from its largest count.
fn begin() {
    const GATE_ON: u8 = 1;
    const SPEAKER: u8 = 2;
    const ONE_SHOT: u8 = 0xb0;
    out8(GATE, in8(GATE) & !(SPEAKER | GATE_ON));
    out8(COMMAND, ONE_SHOT);
    out8(CHANNEL2, 0xff);
    out8(CHANNEL2, 0xff);
    out8(GATE, (in8(GATE) & !SPEAKER) | GATE_ON);
}

fn has_ended() -> bool {
    const OUTPUT: u8 = 1 << 5;
    in8(GATE) & OUTPUT != 0
}

/// The quickest of several readings.
fn sample(read: impl Fn() -> u64) -> Sample {
    const LATCH: u8 = 0x80;
    let one = || {
        let before = read();
        out8(COMMAND, LATCH);
        let ticks_left = u16::from_le_bytes([in8(CHANNEL2), in8(CHANNEL2)]);
        let width = read() - before;
        Sample { ticks_left, counter: before + width / 2, width }
    };
    let others = (0..4).map(|_| one());
    others.fold(one(), |best, other| if other.width < best.width { other } else { best })
}
