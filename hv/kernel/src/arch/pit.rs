// SPDX-License-Identifier: MIT OR Apache-2.0
//! The 8254 timer, used once: as the known clock that the TSC is measured by.
use super::port::{in8, out8};
use super::tsc::{Stamped, stamped};

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

/// A measurement of the TSC under way. Both clocks are read together at its start and at its end;
/// what happens between the two does no harm.
pub struct Measurement(Stamped<u16>);

impl Measurement {
    /// Starts the timer.
    pub fn begin() -> Self {
        start_timer();
        Self(stamped(ticks_left))
    }

    /// The frequency of the TSC in Hz, once the measurement is long enough. Measures again if the
    /// timer has ended meanwhile.
    pub fn tsc_hz(mut self) -> u64 {
        for attempt in 0..MOST {
            if let Some(hz) = self.end(SPAN >> (attempt / PATIENCE)) {
                return hz;
            }
            self = Self::begin();
        }
        panic!("the PIT does not run, or nothing can be measured by it");
    }

    /// Waits until `span` ticks have passed; `None` if the timer has ended.
    fn end(&self, span: u16) -> Option<u64> {
        let Self(first) = self;
        loop {
            let last = stamped(ticks_left);
            if has_ended() {
                return None;
            }
            let ticks = first.value.wrapping_sub(last.value);
            if ticks >= span {
                let counted = u128::from(last.tsc - first.tsc);
                let hz = counted * u128::from(HZ) / u128::from(ticks);
                return Some(u64::try_from(hz).expect("less than 2^64 Hz"));
            }
        }
    }
}

/// Starts channel 2 from its largest count.
fn start_timer() {
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

fn ticks_left() -> u16 {
    const LATCH: u8 = 0x80;
    out8(COMMAND, LATCH);
    u16::from_le_bytes([in8(CHANNEL2), in8(CHANNEL2)])
}
