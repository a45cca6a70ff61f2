// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `Date` field: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).

use alloc::format;
use alloc::string::String;
use core::cell::RefCell;

const DAY: u64 = 24 * 60 * 60;
/// The first of January 1970 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [(&str, u64); 12] = [
    ("Jan", 31),
    ("Feb", 28),
    ("Mar", 31),
    ("Apr", 30),
    ("May", 31),
    ("Jun", 30),
    ("Jul", 31),
    ("Aug", 31),
    ("Sep", 30),
    ("Oct", 31),
    ("Nov", 30),
    ("Dec", 31),
];
const FEBRUARY: usize = 1;

/// The text for a time, in seconds since 1970.
fn text(seconds: u64) -> String {
    let (days, rest) = (seconds / DAY, seconds % DAY);
    let weekday = usize::try_from(days % 7).map_or("", |day| WEEKDAYS[day]);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Year, month and day of the month after so many days since 1970.
fn date(days: u64) -> (u64, &'static str, u64) {
    // Four centuries have 146,097 days.
    let (mut year, mut left) = (1970 + days / 146_097 * 400, days % 146_097);
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while left >= 365 + u64::from(is_leap(year)) {
        left -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let length = |month: usize| MONTHS[month].1 + u64::from(month == FEBRUARY && is_leap(year));
    let mut month = 0;
    while month + 1 < MONTHS.len() && left >= length(month) {
        left -= length(month);
        month += 1;
    }
    (year, MONTHS[month].0, left + 1)
}

/// The text of the present second, made once a second.
#[derive(Debug)]
pub struct Clock {
    now: fn() -> u64,
    made: RefCell<(u64, String)>,
}

impl Clock {
    /// A clock by `now`, which tells seconds since 1970, or 0 if it does not know.
    pub fn new(now: fn() -> u64) -> Self {
        Self { now, made: RefCell::default() }
    }

    /// Shows the text to `f`; the empty one if the time is not known.
    pub fn with<T>(&self, f: impl FnOnce(&str) -> T) -> T {
        let now = (self.now)();
        let mut made = self.made.borrow_mut();
        if made.0 != now {
            *made = (now, if now == 0 { String::new() } else { text(now) });
        }
        f(&made.1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, text};

    #[test]
    fn known_dates() {
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (13_574_563_200, "Tue, 29 Feb 2400 00:00:00 GMT"),
        ] {
            assert_eq!(text(seconds), expected);
        }
    }

    #[test]
    fn an_unknown_time_is_not_told() {
        Clock::new(|| 0).with(|text| assert_eq!(text, ""));
        Clock::new(|| 1).with(|text| assert_eq!(text, "Thu, 01 Jan 1970 00:00:01 GMT"));
    }
}
