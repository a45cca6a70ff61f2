// SPDX-License-Identifier: MIT OR Apache-2.0
//! The battery-backed clock, read once at boot.
use super::port::{in8, out8};

fn register(index: u8) -> u8 {
    out8(0x70, index);
    in8(0x71)
}

/// Seconds since 1970-01-01 00:00 UTC.
pub fn unix_seconds() -> u64 {
    let mut previous = fields();
    for _ in 0..100 {
        let now = fields();
        if now == previous {
            break;
        }
        previous = now;
    }
    let status = register(0x0b);
    let decimal = status & 4 != 0;
    let [second, minute, mut hour, day, month, year] = previous;
    let afternoon = hour & 0x80 != 0;
    hour &= 0x7f;
    let number =
        |value: u8| u64::from(if decimal { value } else { (value >> 4) * 10 + (value & 15) });
    let mut hour = number(hour);
    if status & 2 == 0 {
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    let days = days_since_epoch(2000 + number(year), number(month), number(day));
    ((days * 24 + hour) * 60 + number(minute)) * 60 + number(second)
}

/// Second, minute, hour, day, month, year, outside an update of the clock.
fn fields() -> [u8; 6] {
    const UPDATING: u8 = 0x80;
    for _ in 0..1_000_000 {
        if register(0x0a) & UPDATING == 0 {
            break;
        }
    }
    [0u8, 2, 4, 7, 8, 9].map(register)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days_since_epoch(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let day_of_year = (153 * month + 2) / 5 + day.max(1) - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}
