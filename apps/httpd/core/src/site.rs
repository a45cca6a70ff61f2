// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is served: files, and answers that are made.

use crate::content_type;
use crate::request::{Method, Request, number};
use alloc::format;
use alloc::vec::Vec;

/// The largest N of `/bytes/N`.
const MAX_BYTES: u64 = 1 << 40;

/// Where files come from.
pub trait Files {
    /// The file at `path`, which has no slash at its start.
    fn file(&self, path: &str) -> Option<&'static [u8]>;
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A file.
    File(&'static [u8]),
    /// Made for this answer.
    Made(Vec<u8>),
    /// That many bytes of the [`pattern`](crate::pattern).
    Pattern(u64),
}

impl Body {
    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::File(bytes) => bytes.len() as u64,
            Self::Made(bytes) => bytes.len() as u64,
            Self::Pattern(length) => *length,
        }
    }

    /// Whether it has no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
}

/// The page for `/` when there is no `index.html`.
const DEFAULT_PAGE: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
    <title>minios</title>\n<h1>It works</h1>\n<p>A unikernel on minios serves this page.</p>\n\
    </html>\n";

/// The answer to `request`.
pub fn answer(files: &impl Files, request: &Request) -> Answer {
    if request.method == Method::Other {
        return failure(405);
    }
    let path = request.path.as_str();
    if let Some(count) = path.strip_prefix("bytes/") {
        return match number(count.as_bytes()) {
            Some(count) if count <= MAX_BYTES => Answer {
                status: 200,
                content_type: "application/octet-stream",
                body: Body::Pattern(count),
            },
            _ => failure(404),
        };
    }
    let index = path.is_empty() || path.ends_with('/');
    let found = if index { files.file(&format!("{path}index.html")) } else { files.file(path) };
    match found {
        Some(bytes) => {
            let content_type =
                if index { "text/html; charset=utf-8" } else { content_type::of(path) };
            Answer { status: 200, content_type, body: Body::File(bytes) }
        }
        None if path.is_empty() => Answer {
            status: 200,
            content_type: "text/html; charset=utf-8",
            body: Body::File(DEFAULT_PAGE.as_bytes()),
        },
        None => failure(404),
    }
}

/// The answer that says what went wrong.
pub fn failure(status: u16) -> Answer {
    let reason = crate::response::reason(status);
    Answer {
        status,
        content_type: "text/plain; charset=utf-8",
        body: Body::Made(format!("{status} {reason}\n").into_bytes()),
    }
}
