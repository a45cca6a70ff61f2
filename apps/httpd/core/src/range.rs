// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parts of a body (RFC 9110, section 14), one range a request.

#[cfg(test)]
mod tests;

/// A range as the client names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeSpec {
    /// From a byte on, up to one (included) if named.
    From(u64, Option<u64>),
    /// That many bytes at the end.
    Last(u64),
}

/// A part of a body: where it starts, and how many bytes it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its first byte.
    pub start: u64,
    /// Its length in bytes; never 0.
    pub length: u64,
}

/// Parses a `Range` field. `None` for what is to be ignored: other units, several ranges, and
/// what is no range.
pub fn parse(field: &[u8]) -> Option<RangeSpec> {
    let (unit, text) = field.split_at_checked(b"bytes=".len())?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let text = text.trim_ascii();
    let dash = text.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (&text[..dash], &text[dash + 1..]);
    match (first.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => Some(RangeSpec::Last(position(last)?)),
        (false, true) => Some(RangeSpec::From(position(first)?, None)),
        (false, false) => {
            let (first, last) = (position(first)?, position(last)?);
            (first <= last).then_some(RangeSpec::From(first, Some(last)))
        }
    }
}

/// A number of digits only; one that is too large is as good as the largest.
fn position(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit).then_some(text)?;
    Some(core::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX))
}

impl RangeSpec {
    /// The part of a body of `length` bytes; `None` if it has no byte of it (status 416).
    pub fn within(self, length: u64) -> Option<Part> {
        let (start, end) = match self {
            Self::From(first, last) => {
                (first, last.map_or(length, |last| last.saturating_add(1).min(length)))
            }
            Self::Last(count) => (length.saturating_sub(count), length),
        };
        let length = end.checked_sub(start).filter(|&length| length > 0)?;
        Some(Part { start, length })
    }
}
