// SPDX-License-Identifier: MIT OR Apache-2.0
//! Base address registers: where a function's memory is.
use super::{COMMAND, ConfigSpace};

const FIRST: u8 = 0x10;
const COUNT: u8 = 6;
const IO_SPACE: u32 = 1;
const TYPE: u32 = 3 << 1;
const TYPE_64: u32 = 2 << 1;
/// The bits of a register that are no address.
pub(super) const FLAGS: u32 = 0xf;
const COMMAND_MEMORY: u32 = 1 << 1;

/// A range of a function's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBar {
    /// The register.
    pub register: u8,
    /// Its word, and that of the register behind it for an address of 64 bits.
    pub words: [Option<u32>; 2],
    /// What the register holds after ones were written to it.
    sizing: u32,
}

impl MemoryBar {
    /// Register `number`, 0 to 5, if it is one of memory that the firmware has placed. For a
    /// moment the function does not answer at its memory.
    pub fn find(space: &impl ConfigSpace, number: u8) -> Option<Self> {
        if number >= COUNT {
            return None;
        }
        let register = FIRST.saturating_add(number.saturating_mul(4));
        let low = space.read(register);
        if low & IO_SPACE != 0 {
            return None;
        }
        let high = if low & TYPE == TYPE_64 {
            Some(space.read(register.checked_add(4).filter(|_| number.saturating_add(1) < COUNT)?))
        } else {
            None
        };
        let bar = Self { register, words: [Some(low), high], sizing: size(space, register, low) };
        (bar.start() != 0).then_some(bar)
    }

    /// The machine address.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.with_low(self.words[0].unwrap_or(0))
    }

    /// The machine address while somebody finds out the size: after ones were written to the
    /// first register, and before its value is written back.
    #[must_use]
    pub fn start_while_sizing(&self) -> u64 {
        self.with_low(self.sizing)
    }

    fn with_low(&self, low: u32) -> u64 {
        let high = self.words[1].unwrap_or(0);
        u64::from(high) << 32 | u64::from(low & !FLAGS)
    }
}

/// What is left of ones that are written to the register.
fn size(space: &impl ConfigSpace, register: u8, value: u32) -> u32 {
    // Zeros in the upper half leave the status as it is.
    let command = space.read(COMMAND) & 0xffff;
    space.write(COMMAND, command & !COMMAND_MEMORY);
    space.write(register, u32::MAX);
    let left = space.read(register);
    space.write(register, value);
    space.write(COMMAND, command);
    left
}
