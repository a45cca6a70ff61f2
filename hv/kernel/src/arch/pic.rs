// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pair of 8259 interrupt controllers: moved out of the exceptions' way and masked.
use super::port::out8;

/// Vector that spurious interrupts of the masked controllers would have.
pub const SPURIOUS_BASE: u8 = 0x20;

/// Programs both controllers to vectors `SPURIOUS_BASE` on, with every line masked.
pub fn disable() {
    const FIRST: u16 = 0x20;
    const SECOND: u16 = 0xa0;
    for (chip, vector, wiring) in [(FIRST, SPURIOUS_BASE, 4), (SECOND, SPURIOUS_BASE + 8, 2)] {
        out8(chip, 0x11);
        out8(chip + 1, vector);
        out8(chip + 1, wiring);
        out8(chip + 1, 1);
        out8(chip + 1, 0xff);
    }
}
