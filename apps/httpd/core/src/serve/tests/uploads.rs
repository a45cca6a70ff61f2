// SPDX-License-Identifier: MIT OR Apache-2.0
use super::super::Outcome;
use super::{NOW_MS, serve, statuses};
use alloc::vec;
use alloc::vec::Vec;

#[test]
fn uploads_in_any_pieces() {
    let requests = [
        "PUT /bytes HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        "POST /bytes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
         1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n",
        "GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n",
    ];
    let text = requests.concat();
    for size in 1..text.len() {
        let pieces = text.as_bytes().chunks(size);
        let pieces: Vec<_> = pieces.map(|piece| core::str::from_utf8(piece).unwrap()).collect();
        let (outcome, got, _) = serve(&pieces, true, 100);
        assert_eq!((outcome, statuses(&got)), (Outcome::Done, vec![200, 200, 200]), "by {size}");
        assert_eq!(got.matches("3 bytes, xxh64 44bc2cf5ad770999\n").count(), 2, "{got}");
    }
}

#[test]
fn a_client_that_asks_is_told_to_go_on() {
    let head = "PUT /bytes HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\
                Expect: 100-continue\r\n\r\n";
    assert_eq!(statuses(&serve(&[head, "abc"], true, 1000).1), [100, 200]);
    let at_once = [head, "abc"].concat();
    assert_eq!(statuses(&serve(&[&at_once], true, 1000).1), [200], "it did not wait");
    // One that is refused is not asked for its body, and its connection ends.
    let elsewhere = head.replace("/bytes", "/none");
    let (outcome, got, _) = serve(&[&elsewhere, "abc"], false, 1000);
    assert_eq!((outcome, statuses(&got)), (Outcome::Done, vec![405]));
    assert!(got.contains("Allow: GET, HEAD, OPTIONS\r\n") && got.contains("Connection: close\r\n"));
}

#[test]
fn uploads_that_are_refused() {
    for (rest, status) in [
        ("\r\n", 411),
        ("Content-Length: 1099511627777\r\n\r\n", 413),
        ("Transfer-Encoding: chunked\r\n\r\n10000000001\r\n", 413),
        ("Transfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        ("Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
        ("Transfer-Encoding: chunked\r\n\r\n1\r\n", 400),
        ("Content-Length: 3\r\n\r\nab", 400),
    ] {
        let text = ["PUT /bytes HTTP/1.1\r\nHost: x\r\n", rest].concat();
        let (outcome, got, _) = serve(&[&text], true, 1000);
        assert_eq!((outcome, statuses(&got)), (Outcome::Done, vec![status]), "{rest:?}");
        assert!(got.contains("Connection: close\r\n"), "{got}");
    }
    let (_, got, _) = serve(&["GET /bytes HTTP/1.0\r\n\r\n"], true, 1000);
    assert!(statuses(&got) == [405] && got.contains("Allow: POST, PUT, OPTIONS\r\n"), "{got}");
}

#[test]
fn a_slow_body_is_told_so() {
    NOW_MS.set(0);
    let text = "PUT /bytes HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab";
    let (outcome, got, _) = serve(&[text], false, 1000);
    assert_eq!((outcome, statuses(&got)), (Outcome::Done, vec![408]));
    assert_eq!(NOW_MS.get(), 30_000);
}
