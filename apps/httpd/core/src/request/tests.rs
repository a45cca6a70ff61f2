// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Framing, MAX_HEAD, Method, Parsed, Request, parse};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

fn request(text: &str) -> Request {
    match parse(text.as_bytes()) {
        Parsed::Complete(request, length) => {
            assert_eq!(length, text.len());
            request
        }
        other => panic!("{text:?}: {other:?}"),
    }
}

#[test]
fn a_request() {
    let it = request("GET /a%20b HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n");
    let expected = Request {
        method: Method::Get,
        path: "a b".into(),
        keep_alive: true,
        body: Some(Framing::Length(12)),
        expects_continue: false,
        range: None,
        if_range: None,
        if_none_match: None,
    };
    assert_eq!(it, expected);
    assert_eq!(request("HEAD / HTTP/1.0\r\n\r\n").method, Method::Head);
    assert_eq!(request("DELETE / HTTP/1.0\r\n\r\n").method, Method::Other);
}

#[test]
fn what_there_is_to_do_with_a_path_and_at_all() {
    for (target, path) in [("/bytes", "bytes"), ("*", ""), ("/*", "*")] {
        let it = request(&format!("OPTIONS {target} HTTP/1.0\r\n\r\n"));
        assert_eq!((it.method, it.path.as_str()), (Method::Options, path));
    }
    assert_eq!(parse(b"GET * HTTP/1.0\r\n\r\n"), Parsed::Bad(400));
    assert_eq!(parse(b"CONNECT a.example:80 HTTP/1.0\r\n\r\n"), Parsed::Bad(501));
}

#[test]
fn who_keeps_the_connection() {
    for (text, keeps) in [
        ("GET / HTTP/1.1\r\nhost: x\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: TE, Close\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close, keep-alive\r\n\r\n", false),
        ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
    ] {
        assert_eq!(request(text).keep_alive, keeps, "{text:?}");
    }
}

#[test]
fn what_is_refused() {
    for (text, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET /../x HTTP/1.0\r\n\r\n", 400),
        ("\u{1}", 400),
        ("GET / HTTP/1.0\r\na b: c\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nContent-Length: +1\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: money\r\n\r\n", 417),
        ("BREW / HTTP/1.0\r\n\r\n", 501),
        ("get / HTTP/1.0\r\n\r\n", 501),
        ("GET / HTTP/2.0\r\n\r\n", 505),
    ] {
        assert_eq!(parse(text.as_bytes()), Parsed::Bad(status), "{text:?}");
    }
}

#[test]
fn bodies() {
    let it = request(
        "PUT /bytes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\
         Expect: 100-Continue\r\n\r\n",
    );
    assert_eq!((it.body, it.expects_continue), (Some(Framing::Chunked), true));
    let twice = "PUT / HTTP/1.0\r\nContent-Length: 7\r\nContent-Length: 7\r\n\
                 Expect: 100-continue\r\n\r\n";
    let it = request(twice);
    assert_eq!((it.body, it.expects_continue), (Some(Framing::Length(7)), false));
    assert_eq!(request("PUT / HTTP/1.0\r\n\r\n").body, None);
}

#[test]
fn lists_of_validators_add_up() {
    let it =
        request("GET / HTTP/1.0\r\nIf-None-Match: \"a\", \"b\"\r\nIf-None-Match: \"c\"\r\n\r\n");
    assert_eq!(it.if_none_match.as_deref(), Some(&b"\"a\", \"b\",\"c\""[..]));
}

#[test]
fn heads_have_bounds() {
    let mut text = String::from("GET / HTTP/1.0\r\n");
    for _ in 0..65 {
        text.push_str("a: b\r\n");
    }
    assert_eq!(parse(text.as_bytes()), Parsed::Bad(431));
    let long = [b"GET /".to_vec(), [b'x'; MAX_HEAD].to_vec()].concat();
    assert_eq!(parse(&long), Parsed::Bad(431));
    assert_eq!(parse(&long[..MAX_HEAD - 1]), Parsed::Partial);
}

#[test]
fn every_beginning_is_partial() {
    let text = b"GET /x HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\n\r\n";
    for length in 0..text.len() {
        assert_eq!(parse(&text[..length]), Parsed::Partial, "{length}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        parse(&bytes);
    }
}
