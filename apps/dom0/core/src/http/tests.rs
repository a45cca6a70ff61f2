// SPDX-License-Identifier: MIT OR Apache-2.0
//! URLs and answers.

use std::vec::Vec;

use proptest::prelude::*;

use super::{AnswerHead, BadAnswer, Page, Url};

#[test]
fn urls() {
    for (text, peer, path) in [
        ("http://10.0.2.16", "10.0.2.16:80", "/"),
        ("http://10.0.2.16/a/b?c", "10.0.2.16:80", "/a/b?c"),
        ("http://10.0.2.16:8080/", "10.0.2.16:8080", "/"),
        ("http://[fe80::1]/x", "[fe80::1]:80", "/x"),
        ("http://[fe80::1]:81", "[fe80::1]:81", "/"),
    ] {
        let url = Url { peer: peer.parse().unwrap(), path: path.into() };
        assert_eq!(Url::parse(text), Some(url), "{text}");
    }
    for text in ["", "10.0.2.16", "https://10.0.2.16/", "http://name/", "http://fe80::1/"] {
        assert_eq!(Url::parse(text), None, "{text}");
    }
}

#[test]
fn a_page_cannot_command_the_terminal() {
    let mut page = Page::default();
    page.add(b"<p>\x1b[2J\r\nna");
    page.add("ïve\n".as_bytes());
    assert_eq!(page.lines(), ["<p>?[2J", "naïve"]);
}

#[test]
fn a_page_has_an_end() {
    let mut page = Page::default();
    (0..1000).for_each(|_| page.add(&[b'x'; 1000]));
    assert_eq!(page.lines()[0].len(), 16 << 10);
}

#[test]
fn heads() {
    let text = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\nbody";
    let (head, length) = AnswerHead::parse(text).unwrap().unwrap();
    assert_eq!((head.status, head.length, head.keep_alive), (200, Some(12), true));
    assert_eq!((&*head.status_line, length), ("HTTP/1.1 200 OK", text.len() - 4));
    for length in 0..text.len() - 4 {
        assert_eq!(AnswerHead::parse(&text[..length]), Ok(None));
    }
}

#[test]
fn who_keeps_the_connection() {
    for (text, keeps) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n"[..], false),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\n", true),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", false),
        (b"HTTP/1.1 200 OK\r\n\r\n", false),
    ] {
        assert_eq!(AnswerHead::parse(text).unwrap().unwrap().0.keep_alive, keeps);
    }
}

#[test]
fn no_answers() {
    let long = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".repeat(2000)].concat();
    for text in [
        &b"SSH-2.0 what\r\n\r\n"[..],
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"\xff\r\n\r\n",
        &long,
    ] {
        assert_eq!(AnswerHead::parse(text), Err(BadAnswer));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        let _ = AnswerHead::parse(&bytes);
    }
}
