// SPDX-License-Identifier: MIT OR Apache-2.0
//! Heads of answers.

use crate::range::Part;
use crate::site::Answer;
use alloc::string::String;
use core::fmt::{self, Write};

/// What a status means, for the status line and the page that goes with an error.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}

/// Lets a client that asked for it send the body of its request.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The head of `answer`; `date` is the time of it, or empty.
pub fn head(answer: &Answer, keep_alive: bool, date: &str) -> String {
    let mut text = String::with_capacity(256);
    // Writing to a string cannot fail.
    let _ = write_head(&mut text, answer, keep_alive, date);
    text
}

fn write_head(text: &mut String, answer: &Answer, keep_alive: bool, date: &str) -> fmt::Result {
    let Answer { status, content_type, body, etag, ranges, range, allow } = answer;
    write!(text, "HTTP/1.1 {status} {}\r\nServer: minios\r\n", reason(*status))?;
    if !date.is_empty() {
        ["Date: ", date, "\r\n"].iter().for_each(|part| text.push_str(part));
    }
    // A 304 has no body, and speaks of the body that it does not have by its validator alone.
    if *status != 304 {
        write!(text, "Content-Type: {content_type}\r\nContent-Length: {}\r\n", body.len())?;
    }
    if let Some(etag) = etag {
        write!(text, "ETag: {}\r\n", etag.text())?;
    }
    if *ranges {
        text.push_str("Accept-Ranges: bytes\r\n");
    }
    match range {
        None => {}
        Some((None, whole)) => write!(text, "Content-Range: bytes */{whole}\r\n")?,
        Some((Some(Part { start, length }), whole)) => {
            let last = start + length - 1;
            write!(text, "Content-Range: bytes {start}-{last}/{whole}\r\n")?;
        }
    }
    if let Some(methods) = allow {
        write!(text, "Allow: {methods}\r\n")?;
    }
    let connection = if keep_alive { "keep-alive" } else { "close" };
    write!(text, "Connection: {connection}\r\n\r\n")
}
