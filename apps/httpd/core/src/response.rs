// SPDX-License-Identifier: MIT OR Apache-2.0
//! Heads of answers.

use alloc::string::String;
use core::fmt::Write;

/// What a status means, for the status line and the page that goes with an error.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}

/// A head: the status and the fields that every answer has. More fields may be added before
/// [`end`](Self::end).
pub struct Head(String);

impl Head {
    /// Starts a head for a body of `length` bytes.
    pub fn new(status: u16, content_type: &str, length: u64, keep_alive: bool) -> Self {
        let mut text = String::with_capacity(256);
        let connection = if keep_alive { "keep-alive" } else { "close" };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "HTTP/1.1 {status} {}\r\nServer: minios\r\nContent-Type: {content_type}\r\n\
             Content-Length: {length}\r\nConnection: {connection}\r\n",
            reason(status),
        );
        Self(text)
    }

    /// Adds a field.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        for part in [name, ": ", value, "\r\n"] {
            self.0.push_str(part);
        }
        self
    }

    /// The finished head.
    pub fn end(mut self) -> String {
        self.0.push_str("\r\n");
        self.0
    }
}
