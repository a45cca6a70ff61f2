// SPDX-License-Identifier: MIT OR Apache-2.0
//! Heads of answers.

use alloc::string::String;

/// The longest head that is read, in bytes.
const MAX_HEAD: usize = 8192;

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerHead {
    /// The status line, such as `HTTP/1.1 200 OK`.
    pub status_line: String,
    /// The status.
    pub status: u16,
    /// Bytes of the body; without it the body ends with the connection.
    pub length: Option<u64>,
    /// Whether another request may follow on the connection.
    pub keep_alive: bool,
}

/// Bytes that are no head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadAnswer;

impl AnswerHead {
    /// Reads the head that `bytes` begin with, and says how long it is; `None` if it is not whole.
    ///
    /// # Errors
    /// If they are no HTTP, or the head is too long.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, BadAnswer> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return if bytes.len() > MAX_HEAD { Err(BadAnswer) } else { Ok(None) };
        };
        let text = core::str::from_utf8(&bytes[..end]).map_err(|_| BadAnswer)?;
        let mut lines = text.split("\r\n");
        let status_line = lines.next().ok_or(BadAnswer)?;
        let (version, rest) = status_line.split_once(' ').ok_or(BadAnswer)?;
        let status = rest.get(..3).and_then(|digits| digits.parse().ok()).ok_or(BadAnswer)?;
        let mut head = Self {
            status_line: status_line.into(),
            status,
            length: None,
            keep_alive: match version {
                "HTTP/1.1" => true,
                "HTTP/1.0" => false,
                _ => return Err(BadAnswer),
            },
        };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                head.length = Some(value.parse().map_err(|_| BadAnswer)?);
            } else if name.eq_ignore_ascii_case("connection") {
                head.keep_alive = value.eq_ignore_ascii_case("keep-alive");
            }
        }
        head.keep_alive &= head.length.is_some();
        Ok(Some((head, end + 4)))
    }
}
