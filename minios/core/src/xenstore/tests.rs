// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the xenstore client's codec.
use super::{Access, Broken, Decoder, Incoming, Permission, request, strings};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proptest::prelude::*;
use xen_abi::xenstore::{MAX_PAYLOAD, MessageType, StoreError};

fn message(kind: MessageType, req_id: u32, payload: &[u8]) -> Vec<u8> {
    request(kind, req_id, 0, &[payload]).unwrap()
}

#[test]
fn a_request_on_the_wire() {
    let bytes = request(MessageType::Write, 7, 3, &[b"a/b\0", b"value"]).unwrap();
    assert_eq!(bytes[..16], [11, 0, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0]);
    assert_eq!(&bytes[16..], b"a/b\0value");
    let long = [0; MAX_PAYLOAD + 1];
    assert_eq!(request(MessageType::Write, 0, 0, &[&long]), Err(StoreError::E2big));
}

#[test]
fn replies_errors_and_events() {
    let mut decoder = Decoder::new();
    decoder.push(&message(MessageType::Read, 1, b"hello"));
    decoder.push(&message(MessageType::Error, 2, b"ENOENT\0"));
    decoder.push(&message(MessageType::WatchEvent, 0, b"a/b\x00token\0"));
    let reply = |req_id, result| Ok(Some(Incoming::Reply { req_id, result }));
    assert_eq!(decoder.next_message(), reply(1, Ok(b"hello".to_vec())));
    assert_eq!(decoder.next_message(), reply(2, Err(StoreError::Enoent)));
    let (path, token) = (String::from("a/b"), String::from("token"));
    assert_eq!(decoder.next_message(), Ok(Some(Incoming::WatchEvent { path, token })));
    assert_eq!(decoder.next_message(), Ok(None));
}

#[test]
fn a_broken_server_is_noticed() {
    let mut decoder = Decoder::new();
    decoder.push(&[2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 16, 0, 0]);
    assert_eq!(decoder.next_message(), Err(Broken), "a payload of 4097 bytes");
    let mut decoder = Decoder::new();
    decoder.push(&message(MessageType::WatchEvent, 0, b"no token"));
    assert_eq!(decoder.next_message(), Err(Broken));
}

#[test]
fn strings_of_a_directory() {
    let names: Vec<String> = strings(b"vif\0vbd\0").collect();
    assert_eq!(names, ["vif", "vbd"]);
    assert_eq!(strings(b"").count(), 0);
}

#[test]
fn permissions_round_trip() {
    for text in ["n0", "r12", "w3", "b65535"] {
        assert_eq!(Permission::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Permission::parse("b7").unwrap().access, Access::Both);
    for bad in ["", "r", "x1", "r-1", "r70000"] {
        assert_eq!(Permission::parse(bad), None, "{bad:?}");
    }
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_messages(cuts in proptest::collection::vec(1usize..20, 1..30)) {
        let stream: Vec<u8> = (1..5).flat_map(|n| message(MessageType::Read, n, &[7; 30])).collect();
        let mut decoder = Decoder::new();
        let mut seen = 0;
        let mut rest = stream.as_slice();
        for cut in cuts.into_iter().cycle() {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            decoder.push(now);
            rest = later;
            while decoder.next_message().unwrap().is_some() {
                seen += 1;
            }
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(seen, 4);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let mut decoder = Decoder::new();
        decoder.push(&bytes);
        while let Ok(Some(_)) = decoder.next_message() {}
    }
}
