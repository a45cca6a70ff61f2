// SPDX-License-Identifier: MIT OR Apache-2.0
//! The last requests.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::cell::RefCell;
use core::fmt::{self, Write};

/// How many are kept.
const KEPT: usize = 100;
/// The most bytes of a path that are kept.
const PATH_KEPT: usize = 100;

/// One request and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it was answered, in milliseconds since the machine's start.
    pub at_ms: u64,
    /// `GET`, `HEAD` or something else.
    pub method: &'static str,
    /// The decoded path, without a slash at its start.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of the answer's body.
    pub bytes: u64,
    /// From the whole request to the last byte in the transmit buffer, in milliseconds.
    pub took_ms: u64,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at_ms, method, path, status, bytes, took_ms } = self;
        let (seconds, ms) = (at_ms / 1000, at_ms % 1000);
        // A path may hold any character but NUL: escaped, it cannot forge a line.
        let path = path.escape_default();
        write!(f, "{seconds}.{ms:03} {method} /{path} {status} {bytes} bytes {took_ms} ms")
    }
}

/// The last requests, oldest first.
#[derive(Debug, Default)]
pub struct RequestLog(RefCell<VecDeque<Record>>);

impl RequestLog {
    /// Adds a request; the oldest gives way. Of a long path the end is not kept: what foreign
    /// requests can make the log hold is bounded.
    pub fn add(&self, mut record: Record) {
        record.path.truncate(record.path.floor_char_boundary(PATH_KEPT));
        record.path.shrink_to_fit();
        let mut records = self.0.borrow_mut();
        if records.len() >= KEPT {
            records.pop_front();
        }
        records.push_back(record);
    }

    /// A line a request.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for record in self.0.borrow().iter() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{record}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, PATH_KEPT, Record, RequestLog};

    fn record(at_ms: u64) -> Record {
        let path = "a\nb".into();
        Record { at_ms, method: "GET", path, status: 200, bytes: 5, took_ms: 1 }
    }

    #[test]
    fn long_paths_are_cut() {
        let log = RequestLog::default();
        log.add(Record { path: "ä".repeat(PATH_KEPT), ..record(1) });
        let kept = log.0.borrow()[0].path.clone();
        assert_eq!((kept.len(), kept.capacity()), (PATH_KEPT, PATH_KEPT));
    }

    #[test]
    fn the_last_are_kept() {
        let log = RequestLog::default();
        for at_ms in 0..250 {
            log.add(record(at_ms));
        }
        let text = log.render();
        assert_eq!(text.lines().count(), KEPT);
        assert_eq!(text.lines().next(), Some("0.150 GET /a\\nb 200 5 bytes 1 ms"));
    }
}
