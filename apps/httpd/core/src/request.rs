// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests, from bytes.

#[cfg(test)]
mod tests;

use crate::body::Framing;
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
    /// Take this.
    Post,
    /// Store this.
    Put,
    /// What may be done.
    Options,
    /// Another one that HTTP knows, which nothing here answers.
    Other,
}

impl Method {
    /// Its name, if it is one that is answered.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Options => "OPTIONS",
            Self::Other => "OTHER",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "OPTIONS" => Self::Options,
            "DELETE" | "PATCH" | "TRACE" => Self::Other,
            // CONNECT too, whose target is no path.
            _ => return None,
        })
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
    /// How the body that follows the head is delimited; without it there is no body.
    pub body: Option<Framing>,
    /// Whether the client waits for status 100 before it sends the body.
    pub expects_continue: bool,
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
    let http_1_1 = head.version == Some(1);
    let method = Method::parse(head.method.unwrap_or("")).ok_or(501_u16)?;
    let path = match head.path.unwrap_or("") {
        // The server as a whole (RFC 9110, 9.3.7) allows what its first page does.
        "*" if method == Method::Options => String::new(),
        target => path::decode(target).map_err(|_| 400_u16)?,
    };
    let mut request = Request {
        method,
        path,
        keep_alive: http_1_1,
        body: None,
        expects_continue: false,
        range: None,
        if_range: None,
        if_none_match: None,
    };
    let mut hosts = 0;
    let mut connection = Connection::default();
    for field in head.headers.iter() {
        let value = field.value.trim_ascii();
        let is = |name| field.name.eq_ignore_ascii_case(name);
        if is("host") {
            hosts += 1;
        } else if is("connection") {
            connection.add(value);
        } else if is("content-length") {
            let length = Framing::Length(number(value).ok_or(400_u16)?);
            // Two ways to tell where a body ends are a way to smuggle a request past a proxy.
            if request.body.replace(length).is_some_and(|other| other != length) {
                return Err(400);
            }
        } else if is("transfer-encoding") {
            if request.body.replace(Framing::Chunked).is_some() || !http_1_1 {
                return Err(400);
            }
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(501);
            }
        } else if is("expect") {
            if !value.eq_ignore_ascii_case(b"100-continue") {
                return Err(417);
            }
            // A client of HTTP/1.0 does not know status 100.
            request.expects_continue = http_1_1;
        } else if is("range") {
            request.range = range::parse(value);
        } else if is("if-range") {
            request.if_range = Some(value.into());
        } else if is("if-none-match") {
            let list = request.if_none_match.get_or_insert_default();
            if !list.is_empty() {
                list.push(b',');
            }
            list.extend_from_slice(value);
        }
    }
    if hosts > 1 || (http_1_1 && hosts == 0) {
        return Err(400);
    }
    request.keep_alive = connection.stays(http_1_1);
    Ok(request)
}

/// What all `Connection` fields say together.
#[derive(Default)]
struct Connection {
    close: bool,
    keep_alive: bool,
}

impl Connection {
    fn add(&mut self, field: &[u8]) {
        for option in field.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn stays(&self, by_default: bool) -> bool {
        !self.close && (by_default || self.keep_alive)
    }
}

/// A decimal number, digits only.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(text).ok()?.parse().ok()
}
