// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests, from bytes.

#[cfg(test)]
mod tests;

use crate::path;
use crate::range::{self, RangeSpec};
use alloc::string::String;
use alloc::vec::Vec;

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

impl Method {
    /// Its name, if it is one that is answered.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Other => "OTHER",
        }
    }
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
    /// The part that is asked for.
    pub range: Option<RangeSpec>,
    /// `If-Range`: the version of which a part is asked for.
    pub if_range: Option<Vec<u8>>,
    /// `If-None-Match`: the versions that the client has.
    pub if_none_match: Option<Vec<u8>>,
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
    let http_1_1 = head.version == Some(1);
    let mut request = Request {
        method,
        path: path::decode(head.path.unwrap_or("")).map_err(|_| 400_u16)?,
        keep_alive: http_1_1,
        body: 0,
        range: None,
        if_range: None,
        if_none_match: None,
    };
    let mut hosts = 0;
    let mut lengths = 0;
    for field in head.headers.iter() {
        let value = field.value.trim_ascii();
        let is = |name| field.name.eq_ignore_ascii_case(name);
        if is("host") {
            hosts += 1;
        } else if is("connection") {
            request.keep_alive = keeps(value, request.keep_alive);
        } else if is("content-length") {
            let length = number(value).ok_or(400_u16)?;
            // Two different lengths are a way to smuggle a request past a proxy.
            if lengths > 0 && request.body != length {
                return Err(400);
            }
            (request.body, lengths) = (length, 1);
        } else if is("transfer-encoding") {
            return Err(501);
        } else if is("range") {
            request.range = range::parse(value);
        } else if is("if-range") {
            request.if_range = Some(value.into());
        } else if is("if-none-match") {
            request.if_none_match = Some(value.into());
        }
    }
    if hosts > 1 || (http_1_1 && hosts == 0) {
        return Err(400);
    }
    Ok(request)
}

/// What a `Connection` field makes of what was so far.
fn keeps(field: &[u8], so_far: bool) -> bool {
    let options = field.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    options.fold(so_far, |so_far, option| {
        let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
        !is(b"close") && (so_far || is(b"keep-alive"))
    })
}

/// A decimal number, digits only.
pub fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(text).ok()?.parse().ok()
}
