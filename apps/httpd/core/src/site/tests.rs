// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Answer, Body, File, Machine, answer};
use crate::etag::ETag;
use crate::metrics::Metric;
use crate::page::Fact;
use crate::range::Part;
use crate::request::{Parsed, parse};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

struct Site;

const FILE: &[u8] = b"0123456789";

impl Machine for Site {
    fn file(&self, path: &str) -> Option<File> {
        (path == "digits.txt").then(|| File { bytes: FILE, etag: ETag::of(FILE) })
    }
    fn facts(&self) -> Vec<Fact> {
        vec![("Domain", "7".into())]
    }
    fn metrics(&self) -> Vec<Metric> {
        vec![Metric::gauge("up", "One", 1)]
    }
    fn requests(&self) -> String {
        "none".into()
    }
}

fn ask(path: &str, fields: &str) -> Answer {
    ask_by("GET", path, fields)
}

fn ask_by(method: &str, path: &str, fields: &str) -> Answer {
    let text = format!("{method} {path} HTTP/1.0\r\n{fields}\r\n");
    match parse(text.as_bytes()) {
        Parsed::Complete(request, _) => answer(&Site, &request),
        other => panic!("{other:?}"),
    }
}

#[test]
fn made_pages() {
    for (path, words) in
        [("/", "Domain"), ("/healthz", "ok"), ("/metrics", "up 1\n"), ("/requests", "none")]
    {
        let Answer { status: 200, body: Body::Made(bytes), .. } = ask(path, "") else {
            panic!("{path}")
        };
        assert!(String::from_utf8(bytes).unwrap().contains(words), "{path}");
    }
    assert_eq!(ask("/digits", "").status, 404);
}

#[test]
fn what_may_be_done() {
    const READ: &str = "GET, HEAD, OPTIONS";
    for (path, allow) in [("/", READ), ("/x", READ), ("*", READ), ("/bytes", "POST, PUT, OPTIONS")]
    {
        let it = ask_by("OPTIONS", path, "");
        assert_eq!((it.status, it.allow, it.body.len()), (200, Some(allow), 0), "{path}");
    }
}

#[test]
fn parts_of_a_file() {
    let part = |start, length| Some((Some(Part { start, length }), 10));
    for (fields, status, body, range) in [
        ("", 200, &b"0123456789"[..], None),
        ("Range: bytes=2-4\r\n", 206, b"234", part(2, 3)),
        ("Range: bytes=-2\r\n", 206, b"89", part(8, 2)),
        ("Range: bytes=1-2,4-5\r\n", 200, FILE, None),
        ("Range: bytes=2-4\r\nIf-Range: \"other\"\r\n", 200, FILE, None),
    ] {
        let answer = ask("/digits.txt", fields);
        assert_eq!((answer.status, answer.range), (status, range), "{fields}");
        assert_eq!(answer.body, Body::File(body));
    }
    let none = ask("/digits.txt", "Range: bytes=10-\r\n");
    assert_eq!((none.status, none.range), (416, Some((None, 10))));
    let head = "HEAD /digits.txt HTTP/1.0\r\nRange: bytes=2-4\r\n\r\n";
    let Parsed::Complete(request, _) = parse(head.as_bytes()) else { panic!() };
    assert_eq!(answer(&Site, &request).status, 200, "ranges are for GET");
    let own = ETag::of(FILE).text();
    for (validator, status) in [(own.clone(), 206), (format!("W/{own}"), 200)] {
        let fields = format!("Range: bytes=0-0\r\nIf-Range: {validator}\r\n");
        assert_eq!(ask("/digits.txt", &fields).status, status, "{validator}");
    }
}

#[test]
fn parts_of_the_pattern() {
    let answer = ask("/bytes/1000", "Range: bytes=251-\r\n");
    assert_eq!(answer.body, Body::Pattern(Part { start: 251, length: 749 }));
    assert_eq!(ask("/bytes/0", "").body, Body::Pattern(Part { start: 0, length: 0 }));
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let own = ETag::of(FILE).text();
    let answer = ask("/digits.txt", &format!("If-None-Match: \"x\", {own}\r\nRange: bytes=1-\r\n"));
    assert_eq!((answer.status, answer.body.is_empty()), (304, true));
    assert_eq!(ask("/digits.txt", "If-None-Match: \"x\"\r\n").status, 200);
}
