// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests, from bytes.

#[cfg(test)]
mod tests;

use crate::path;
use alloc::string::String;

/// The longest request head that is read, in bytes.
pub const MAX_HEAD: usize = 8 * 1024;
/// The most header fields that are read.
const MAX_FIELDS: usize = 64;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The thing itself.
    Get,
    /// Only its head.
    Head,
    /// Anything else, which nothing here answers.
    Other,
}

/// A request's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub method: Method,
    /// The decoded path, without a slash at its start.
    pub path: String,
    /// Whether the connection stays open after the answer.
    pub keep_alive: bool,
    /// Bytes of the body that follows the head.
    pub body: u64,
}

/// What the bytes so far are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Not yet a whole head.
    Partial,
    /// A request whose head took that many bytes.
    Complete(Request, usize),
    /// Nothing that can be answered but by this status; the connection is to be closed.
    Bad(u16),
}

/// Parses the start of `bytes`.
pub fn parse(bytes: &[u8]) -> Parsed {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut head = httparse::Request::new(&mut fields);
    match head.parse(bytes) {
        Ok(httparse::Status::Partial) if bytes.len() >= MAX_HEAD => Parsed::Bad(431),
        Ok(httparse::Status::Partial) => Parsed::Partial,
        Ok(httparse::Status::Complete(length)) if length > MAX_HEAD => Parsed::Bad(431),
        Ok(httparse::Status::Complete(length)) => match understand(&head) {
            Ok(request) => Parsed::Complete(request, length),
            Err(status) => Parsed::Bad(status),
        },
        Err(httparse::Error::TooManyHeaders) => Parsed::Bad(431),
        Err(httparse::Error::Version) => Parsed::Bad(505),
        Err(_) => Parsed::Bad(400),
    }
}

fn understand(head: &httparse::Request<'_, '_>) -> Result<Request, u16> {
    let method = match head.method {
        Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        _ => Method::Other,
    };
    let path = path::decode(head.path.unwrap_or("")).map_err(|_| 400_u16)?;
    let http_1_1 = head.version == Some(1);
    let mut keep_alive = http_1_1;
    let mut hosts = 0;
    let mut body = None;
    for field in head.headers.iter() {
        let value = field.value.trim_ascii();
        if field.name.eq_ignore_ascii_case("host") {
            hosts += 1;
        } else if field.name.eq_ignore_ascii_case("connection") {
            for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                if option.eq_ignore_ascii_case(b"close") {
                    keep_alive = false;
                } else if option.eq_ignore_ascii_case(b"keep-alive") {
                    keep_alive = true;
                }
            }
        } else if field.name.eq_ignore_ascii_case("content-length") {
            let length = number(value).ok_or(400_u16)?;
            // Two different lengths are a way to smuggle a request past a proxy.
            if body.is_some_and(|body| body != length) {
                return Err(400);
            }
            body = Some(length);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(501);
        }
    }
    if hosts > 1 || (http_1_1 && hosts == 0) {
        return Err(400);
    }
    Ok(Request { method, path, keep_alive, body: body.unwrap_or(0) })
}

/// A decimal number, digits only.
pub fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(text).ok()?.parse().ok()
}
