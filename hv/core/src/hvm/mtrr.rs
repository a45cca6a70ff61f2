// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Mtrr`]: memory type range registers of a PVH guest (Intel SDM volume 3, 12.11; AMD APM volume
//! 2, 7.7).
//!
//! A guest that finds them on believes that its page attributes work, and Linux sets those up only
//! then. They are kept, as on Xen, and do nothing: all of a guest's memory is write-back.

/// Variable ranges.
const RANGES: usize = 8;
/// Registers of fixed ranges.
const FIXED: usize = 11;
/// What there is: fixed ranges, write-combining, and the number of variable ranges.
pub const CAPABILITY: u64 = 1 << 10 | 1 << 8 | RANGES as u64;
/// The registers are on, and memory outside of all ranges is write-back.
pub const ON_WRITE_BACK: u64 = 1 << 11 | 6;

const CAPABILITY_NUMBER: u32 = 0xfe;
const FIRST_VARIABLE: u32 = 0x200;
const LAST_VARIABLE: u32 = 0x20f;
const DEFAULT_TYPE_NUMBER: u32 = 0x2ff;
/// Of 64 KiB, 16 KiB twice, 4 KiB eight times.
const FIXED_NUMBERS: [u32; FIXED] =
    [0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f];

/// One of the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// What there is.
    Capability,
    /// On or off, and the type of memory in no range.
    DefaultType,
    /// Base or mask of a variable range.
    Variable(usize),
    /// Types of eight fixed ranges.
    Fixed(usize),
}

impl Register {
    /// The register with this number.
    #[must_use]
    pub fn of(number: u32) -> Option<Self> {
        match number {
            CAPABILITY_NUMBER => Some(Self::Capability),
            DEFAULT_TYPE_NUMBER => Some(Self::DefaultType),
            FIRST_VARIABLE..=LAST_VARIABLE => {
                usize::try_from(number.saturating_sub(FIRST_VARIABLE)).ok().map(Self::Variable)
            }
            _ => FIXED_NUMBERS.iter().position(|fixed| *fixed == number).map(Self::Fixed),
        }
    }
}

/// The values. As after a reset they are off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mtrr {
    /// On or off, and the type of memory in no range.
    pub default_type: u64,
    /// Base and mask of each variable range.
    pub variable: [u64; RANGES * 2],
    /// Types of the fixed ranges.
    pub fixed: [u64; FIXED],
}

impl Mtrr {
    /// A register's value.
    #[must_use]
    pub fn read(&self, register: Register) -> u64 {
        let value = match register {
            Register::Capability => return CAPABILITY,
            Register::DefaultType => return self.default_type,
            Register::Variable(index) => self.variable.get(index),
            Register::Fixed(index) => self.fixed.get(index),
        };
        value.copied().unwrap_or(0)
    }

    /// The registers after a write; `None` for a value that the register cannot have, on a processor
    /// with so many bits of physical address.
    #[must_use]
    pub fn written(&self, register: Register, value: u64, address_bits: u32) -> Option<Self> {
        if !is_possible(register, value, address_bits) {
            return None;
        }
        let mut next = *self;
        let place = match register {
            Register::Capability => return None,
            Register::DefaultType => &mut next.default_type,
            Register::Variable(index) => next.variable.get_mut(index)?,
            Register::Fixed(index) => next.fixed.get_mut(index)?,
        };
        *place = value;
        Some(next)
    }
}

fn is_possible(register: Register, value: u64, address_bits: u32) -> bool {
    const ON: u64 = 3 << 10;
    const VALID: u64 = 1 << 11;
    let [low, ..] = value.to_le_bytes();
    let address = u64::MAX.checked_shl(address_bits).map_or(u64::MAX, |above| !above) & !0xfff;
    match register {
        Register::Capability => false,
        Register::DefaultType => value & !(ON | 0xff) == 0 && is_type(low),
        Register::Variable(index) if index % 2 == 0 => {
            value & !(address | 0xff) == 0 && is_type(low)
        }
        Register::Variable(_) => value & !(address | VALID) == 0,
        Register::Fixed(_) => value.to_le_bytes().into_iter().all(is_type),
    }
}

/// Uncacheable, write-combining, write-through, write-protected, write-back.
const fn is_type(value: u8) -> bool {
    matches!(value, 0 | 1 | 4..=6)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BITS: u32 = 40;

    fn write(number: u32, value: u64) -> Option<Mtrr> {
        Mtrr::default().written(Register::of(number)?, value, BITS)
    }

    #[test]
    fn what_is_written_is_read() {
        for (number, value) in [
            (0x200, 0x1000_0006),
            (0x20f, 0xff_f000_0800),
            (0x250, 0x0606_0606_0606_0606),
            (0x26f, 0x0100_0405_0600_0000),
            (0x2ff, ON_WRITE_BACK),
        ] {
            let register = Register::of(number).unwrap();
            assert_eq!(write(number, value).unwrap().read(register), value, "{number:#x}");
        }
    }

    #[test]
    fn types_and_bits_that_do_not_exist() {
        for (number, value) in [
            (0x200, 2),
            (0x200, 1 << BITS),
            (0x200, 0x106),
            (0x201, 0x801),
            (0x250, 7),
            (0x2ff, 3),
            (0x2ff, 1 << 12 | 6),
            (0xfe, CAPABILITY),
        ] {
            assert_eq!(write(number, value), None, "{number:#x} {value:#x}");
        }
    }

    #[test]
    fn others_are_not_among_them() {
        for number in [0xfd, 0x1ff, 0x210, 0x251, 0x270, 0x277, 0x2fe] {
            assert_eq!(Register::of(number), None, "{number:#x}");
        }
    }
}
