// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is served: files, and answers that are made.

#[cfg(test)]
mod tests;

use crate::etag::ETag;
use crate::metrics::{self, Metric};
use crate::page::{self, Fact};
use crate::range::{Part, RangeSpec};
use crate::request::{Method, Request, number};
use crate::upload::Upload;
use crate::{content_type, response};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The largest N of `/bytes/N`, and the most bytes of an upload.
pub const MAX_BYTES: u64 = 1 << 40;
/// Where uploads go.
const UPLOADS: &str = "bytes";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const BINARY: &str = "application/octet-stream";

/// A file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// Its contents.
    pub bytes: &'static [u8],
    /// The validator of its contents.
    pub etag: ETag,
}

/// The machine that serves: where files come from, and what there is to tell.
pub trait Machine {
    /// The file at `path`, which has no slash at its start.
    fn file(&self, path: &str) -> Option<File>;
    /// What the default page tells.
    fn facts(&self) -> Vec<Fact>;
    /// What `/metrics` tells.
    fn metrics(&self) -> Vec<Metric>;
    /// The last requests, for `/requests`.
    fn requests(&self) -> String;
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A file, or part of it.
    File(&'static [u8]),
    /// Made for this answer.
    Made(Vec<u8>),
    /// Part of the [`pattern`](crate::pattern).
    Pattern(Part),
}

impl Body {
    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::File(bytes) => bytes.len() as u64,
            Self::Made(bytes) => bytes.len() as u64,
            Self::Pattern(part) => part.length,
        }
    }

    /// Whether it has no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn part(self, part: Part) -> Self {
        let of = |bytes: &[u8]| {
            let start = usize::try_from(part.start).unwrap_or(usize::MAX).min(bytes.len());
            let length = usize::try_from(part.length).unwrap_or(usize::MAX);
            start..start.saturating_add(length).min(bytes.len())
        };
        match self {
            Self::File(bytes) => Self::File(&bytes[of(bytes)]),
            Self::Made(bytes) => Self::Made(bytes[of(&bytes)].to_vec()),
            Self::Pattern(whole) => {
                Self::Pattern(Part { start: whole.start + part.start, length: part.length })
            }
        }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What the body is.
    pub content_type: &'static str,
    /// The body, also for HEAD, which is answered by its length alone.
    pub body: Body,
    /// The validator, if it is a file.
    pub etag: Option<ETag>,
    /// Whether parts of it can be asked for.
    pub ranges: bool,
    /// Which part it is (none of it for status 416), and the length of the whole.
    pub range: Option<(Option<Part>, u64)>,
    /// What may be done, where that was asked for, or something that is not allowed.
    pub allow: Option<&'static str>,
}

impl Answer {
    fn new(content_type: &'static str, body: Body) -> Self {
        Self {
            status: 200,
            content_type,
            body,
            etag: None,
            ranges: false,
            range: None,
            allow: None,
        }
    }

    fn text(content_type: &'static str, text: String) -> Self {
        Self::new(content_type, Body::Made(text.into_bytes()))
    }

    /// The same, or the part of it that `request` asks for.
    fn with_range(mut self, request: &Request) -> Self {
        self.ranges = true;
        // For other methods than GET a range means nothing.
        let Some(range) = request.range.filter(|_| request.method == Method::Get) else {
            return self;
        };
        // Without the version that the client has a part of, it gets the whole.
        let same = |field: &Vec<u8>| self.etag.is_some_and(|tag| tag.text().as_bytes() == field);
        if !request.if_range.as_ref().is_none_or(same) {
            return self;
        }
        self.cut(range)
    }

    fn cut(mut self, range: RangeSpec) -> Self {
        let whole = self.body.len();
        let part = range.within(whole);
        self.range = Some((part, whole));
        match part {
            Some(part) => Self { status: 206, body: self.body.part(part), ..self },
            None => Self { range: self.range, ..failure(416) },
        }
    }
}

/// Whether `request` has a body that is to be read before it is answered.
pub fn is_upload(request: &Request) -> bool {
    request.path == UPLOADS && matches!(request.method, Method::Post | Method::Put)
}

/// The answer to an upload.
pub fn uploaded(upload: &Upload) -> Answer {
    Answer::text(TEXT, upload.text())
}

/// The answer to `request`, which is no upload.
pub fn answer(machine: &impl Machine, request: &Request) -> Answer {
    let path = request.path.as_str();
    let allow = if path == UPLOADS { "POST, PUT, OPTIONS" } else { "GET, HEAD, OPTIONS" };
    if request.method == Method::Options {
        return Answer { allow: Some(allow), ..Answer::text(TEXT, String::new()) };
    }
    if path == UPLOADS || !matches!(request.method, Method::Get | Method::Head) {
        return Answer { allow: Some(allow), ..failure(405) };
    }
    if let Some(count) = path.strip_prefix("bytes/") {
        return match number(count.as_bytes()) {
            Some(length) if length <= MAX_BYTES => {
                Answer::new(BINARY, Body::Pattern(Part { start: 0, length })).with_range(request)
            }
            _ => failure(404),
        };
    }
    let index = path.is_empty() || path.ends_with('/');
    let found = if index { machine.file(&format!("{path}index.html")) } else { machine.file(path) };
    match (found, path) {
        (Some(file), _) => {
            let content_type = if index { HTML } else { content_type::of(path) };
            answer_file(file, content_type, request)
        }
        (None, "") => Answer::text(HTML, page::render(&machine.facts())),
        (None, "healthz") => Answer::text(TEXT, "ok\n".into()),
        (None, "metrics") => {
            Answer::text(metrics::CONTENT_TYPE, metrics::render(&machine.metrics()))
        }
        (None, "requests") => Answer::text(TEXT, machine.requests()),
        (None, _) => failure(404),
    }
}

fn answer_file(file: File, content_type: &'static str, request: &Request) -> Answer {
    let mut answer = Answer::new(content_type, Body::File(file.bytes));
    answer.etag = Some(file.etag);
    if request.if_none_match.as_ref().is_some_and(|field| file.etag.is_in(field)) {
        return Answer { status: 304, body: Body::File(&[]), ..answer };
    }
    answer.with_range(request)
}

/// The answer that says what went wrong.
pub fn failure(status: u16) -> Answer {
    let reason = response::reason(status);
    Answer { status, ..Answer::text(TEXT, format!("{status} {reason}\n")) }
}
