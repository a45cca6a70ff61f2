// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes on the ring: pieces, wrap-around, nonsense.

use std::format;
use std::vec;

use minios_core::byte_ring::{STORE_REQUESTS, STORE_RESPONSES};
use minios_core::ring::{FakePage, RingMemory};
use proptest::prelude::*;
use zerocopy::IntoBytes;

use super::*;
use crate::xenstored::RingService;

fn message(kind: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let len = payload.len().try_into().unwrap();
    bytes.extend_from_slice(MessageHeader { kind, req_id: 1, tx_id: 0, len }.as_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Writes as much of `bytes` as there is room for, as the domain does.
fn put(page: &FakePage, bytes: &[u8]) -> usize {
    STORE_REQUESTS.put(page, bytes).unwrap()
}

fn take(page: &FakePage) -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    let count = STORE_RESPONSES.take(page, &mut bytes).unwrap();
    bytes.truncate(count);
    bytes
}

/// Sends everything and gathers the answers, with turns in between.
fn exchange(
    page: &FakePage,
    service: &mut RingService,
    store: &mut Xenstored,
    all: &[u8],
) -> Vec<u8> {
    let mut sent = 0;
    let mut answers = Vec::new();
    for _ in 0..all.len() + 100 {
        sent += put(page, &all[sent..(sent + 300).min(all.len())]);
        service.turn(page, store, None);
        answers.extend(take(page));
    }
    answers
}

#[test]
fn requests_may_come_in_pieces_and_wrap_around() {
    let mut store = daemon();
    let page = FakePage::default();
    let mut service = RingService::new(ONE);
    let mut all = Vec::new();
    for i in 0..100 {
        all.extend(message(MessageType::Write as u32, format!("data/a\0{i}").as_bytes()));
    }
    all.extend(message(MessageType::Read as u32, b"data/a\0"));
    let mut answers = Vec::new();
    for byte in &all {
        put(&page, &[*byte]);
        service.turn(&page, &mut store, None);
        answers.extend(take(&page));
    }
    assert_eq!(answers.len(), 100 * 19 + 18);
    assert!(answers.ends_with(b"99"));
}

#[test]
fn an_answer_longer_than_the_ring_waits_for_room() {
    let mut store = daemon();
    let page = FakePage::default();
    let mut service = RingService::new(ONE);
    let mut request = b"data/a\0".to_vec();
    request.extend([b'x'; 2000]);
    let mut all = message(MessageType::Write as u32, &request);
    all.extend(message(MessageType::Read as u32, b"data/a\0"));
    let answers = exchange(&page, &mut service, &mut store, &all);
    assert_eq!(answers.len(), 16 + 3 + 16 + 2000);
}

#[test]
fn a_domain_that_reads_nothing_is_not_served_further() {
    let mut store = daemon();
    let page = FakePage::default();
    let mut service = RingService::new(ONE);
    let all = message(MessageType::Read as u32, b"data\0").repeat(500);
    let mut sent = 0;
    for _ in 0..500 {
        sent += put(&page, &all[sent..]);
        let turn = service.turn(&page, &mut store, None);
        if sent > 3000 {
            assert!(!turn.again && !turn.notify);
        }
    }
    assert!(sent < 4096);
}

#[test]
fn too_long_a_message_ends_the_connection_with_an_error() {
    for length in [4097_u32, u32::MAX] {
        let mut store = daemon();
        let page = FakePage::default();
        let mut service = RingService::new(ONE);
        let mut bytes = message(MessageType::Read as u32, b"");
        bytes[12..16].copy_from_slice(&length.to_le_bytes());
        put(&page, &bytes);
        assert!(service.turn(&page, &mut store, None).notify);
        assert!(service.is_broken());
        assert_eq!(page.load_u32(xen_abi::xenstore::ERROR), 3);
        put(&page, &message(MessageType::Read as u32, b"data\0"));
        assert!(!service.turn(&page, &mut store, None).notify);
        assert_eq!(take(&page), []);
    }
}

#[test]
fn impossible_indices_end_the_connection() {
    for offset in [2048, 2052, 2056, 2060] {
        let mut store = daemon();
        ask(&mut store, ONE, MessageType::Watch, "data\0t\0").unwrap();
        let page = FakePage::default();
        page.store_u32(offset, 0x8000_0000);
        let mut service = RingService::new(ONE);
        service.turn(&page, &mut store, None);
        assert!(service.is_broken());
        assert_eq!(page.load_u32(xen_abi::xenstore::ERROR), 2);
    }
}

#[test]
fn ill_formed_requests_are_answered_with_an_error() {
    let mut store = daemon();
    let cases: [(u32, &[u8], &str); 12] = [
        (MessageType::Read as u32, b"", "EINVAL"),
        (MessageType::Read as u32, b"data", "EINVAL"),
        (MessageType::Read as u32, b"da\xffta\0", "EINVAL"),
        (MessageType::Read as u32, b"data//a\0", "EINVAL"),
        (MessageType::Read as u32, b"data/\0", "EINVAL"),
        (MessageType::Read as u32, b"data\0x\0", "EINVAL"),
        (MessageType::Watch as u32, b"data\0", "EINVAL"),
        (MessageType::Watch as u32, b"@other\0t\0", "EINVAL"),
        (MessageType::GetDomainPath as u32, b"-1\0", "EINVAL"),
        (MessageType::WatchEvent as u32, b"data\0", "ENOSYS"),
        (20, b"\0", "ENOSYS"),
        (u32::MAX, b"\0", "ENOSYS"),
    ];
    for (kind, payload, expected) in cases {
        let len = payload.len().try_into().unwrap();
        let header = MessageHeader { kind, req_id: 1, tx_id: 0, len };
        let answer = store.serve(ONE, &header, payload);
        assert_eq!(&answer[16..], format!("{expected}\0").as_bytes(), "{payload:?}");
    }
    let deep = format!("data{}\0v", "/x".repeat(100));
    assert_eq!(ask(&mut store, ONE, MessageType::Write, &deep).unwrap_err(), "EINVAL");
}

#[test]
fn a_long_directory_is_read_in_parts() {
    let mut store = daemon();
    let names: Vec<String> = (0..600).map(|i| format!("name-{i:05}")).collect();
    for name in &names {
        dom0_write(&mut store, &format!("/local/domain/1/data/{name}"), "v");
    }
    assert_eq!(ask(&mut store, ONE, MessageType::Directory, "data\0").unwrap_err(), "E2BIG");
    let mut list = String::new();
    loop {
        let request = format!("data\0{}\0", list.len());
        let part = ask(&mut store, ONE, MessageType::DirectoryPart, &request).unwrap();
        let (_generation, names) = part.split_once('\0').unwrap();
        if let Some(last) = names.strip_suffix("\0\0") {
            list.push_str(last);
            break;
        }
        list.push_str(names);
    }
    assert!(list.split('\0').eq(names.iter().map(String::as_str)));
    let end = ask(&mut store, ONE, MessageType::DirectoryPart, "data\0999999\0").unwrap();
    assert!(end.ends_with("\0\0"));
}

proptest! {
    /// Whatever stands in the page: no panic, and the turn ends.
    #[test]
    fn any_page_is_survived(seed in proptest::collection::vec(any::<u8>(), 2076), turns in 1..20) {
        let mut store = daemon();
        let page = FakePage::default();
        page.write(0, &seed);
        let mut service = RingService::new(ONE);
        for _ in 0..turns {
            service.turn(&page, &mut store, None);
        }
    }

    /// Any payload for any kind of request gets exactly one whole answer.
    #[test]
    fn any_request_is_answered(kind in 0_u32..30, tx in 0_u32..3, payload in proptest::collection::vec(
        prop_oneof![Just(0_u8), Just(b'/'), Just(b'a'), Just(b'@'), any::<u8>()], 0..40)
    ) {
        let mut store = daemon();
        begin(&mut store, ONE);
        let len = payload.len().try_into().unwrap();
        let header = MessageHeader { kind, req_id: 9, tx_id: tx, len };
        let answer = store.serve(ONE, &header, &payload);
        let got = message::decode(&answer).unwrap();
        prop_assert_eq!(got.len as usize, answer.len() - 16);
        prop_assert_eq!(got.req_id, 9);
    }

    /// The owner's count equals a count of the tree, after any operations of two domains.
    #[test]
    fn nodes_are_counted_right(ops in proptest::collection::vec((0..4_u8, 1..3_u16, 0..4_u8, 0..4_u8), 0..60)) {
        let mut store = daemon();
        for (what, domid, a, b) in ops {
            let path = format!("data/{a}/{b}");
            let (kind, payload) = match what {
                0 => (MessageType::Write, format!("{path}\0v")),
                1 => (MessageType::Rm, format!("data/{a}\0")),
                2 => (MessageType::Mkdir, format!("{path}\0")),
                _ => (MessageType::SetPerms, format!("{path}\0n{domid}\0b{}\0", 3 - domid)),
            };
            let _ = ask(&mut store, DomId::new(domid), kind, &payload);
        }
        for domid in [ONE, TWO] {
            let listed = store.tree.find(true, &|node| node.permissions.owner() == domid).len();
            prop_assert_eq!(listed, store.nodes_of(domid));
            store.release(domid);
            prop_assert_eq!(store.nodes_of(domid), 0);
        }
    }
}
