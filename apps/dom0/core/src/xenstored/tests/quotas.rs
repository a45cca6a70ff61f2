// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one domain may cost.

use std::format;

use super::*;

#[test]
fn nodes_are_counted_per_owner() {
    let mut store = daemon();
    let had = store.nodes_of(ONE);
    // Spread over directories: the names of children count against the size of a node.
    let made = (0..2000).find(|i| {
        let payload = format!("data/{}/{}\0v", i / 100, i % 100);
        ask(&mut store, ONE, MessageType::Write, &payload) == Err("ENOSPC".into())
    });
    let limit = Quota::default().nodes;
    assert_eq!(store.nodes_of(ONE), limit);
    assert!(made.unwrap() < limit && made.unwrap() > limit - had - 20);
    ask(&mut store, TWO, MessageType::Write, "data/x\0v").unwrap();
    ask(&mut store, ONE, MessageType::Rm, "data/0\0").unwrap();
    assert_eq!(store.nodes_of(ONE), limit - 101);
    ask(&mut store, ONE, MessageType::Write, "data/x\0v").unwrap();
}

#[test]
fn a_transaction_does_not_get_around_the_number_of_nodes() {
    let mut store = daemon();
    let tx = [begin(&mut store, ONE), begin(&mut store, ONE)];
    for i in 0..1000 {
        let payload = format!("data/{}/{}\0v", i / 100, i % 100);
        let tx = tx[i % 2];
        let _ = ask_in(&mut store, tx, ONE, MessageType::Write, &payload);
        let _ =
            ask(&mut store, ONE, MessageType::Write, &format!("device/{}/{}\0v", i / 100, i % 100));
    }
    for tx in tx {
        let _ = ask_in(&mut store, tx, ONE, MessageType::TransactionEnd, "T\0");
    }
    assert!(store.nodes_of(ONE) <= Quota::default().nodes);
}

#[test]
fn values_watches_and_transactions_are_limited() {
    let mut store = daemon();
    let long = "x".repeat(2049);
    let write = ask(&mut store, ONE, MessageType::Write, &format!("data/a\0{long}"));
    assert_eq!(write.unwrap_err(), "ENOSPC");
    ask(&mut store, ONE, MessageType::Write, &format!("data/a\0{}", &long[1..])).unwrap();
    let quota = Quota::default();
    for i in 0..quota.watches {
        ask(&mut store, ONE, MessageType::Watch, &format!("data\0{i}\0")).unwrap();
    }
    assert_eq!(ask(&mut store, ONE, MessageType::Watch, "data\0x\0").unwrap_err(), "ENOSPC");
    let token = "t".repeat(1023);
    let watch = ask(&mut store, TWO, MessageType::Watch, &format!("data\0{token}\0"));
    assert_eq!(watch.unwrap_err(), "EINVAL");
    for _ in 0..quota.transactions {
        begin(&mut store, ONE);
    }
    let start = ask(&mut store, ONE, MessageType::TransactionStart, "\0");
    assert_eq!(start.unwrap_err(), "ENOSPC");
}

#[test]
fn a_transaction_cannot_hoard_memory() {
    let mut store = daemon();
    let tx = begin(&mut store, ONE);
    let value = "x".repeat(2000);
    let refused = (0..1000).find(|_| {
        ask_in(&mut store, tx, ONE, MessageType::Write, &format!("data/a\0{value}")).is_err()
    });
    assert!(refused.unwrap() < 40);
    let tx = begin(&mut store, ONE);
    let refused = (0..1000).find(|i| {
        let path = format!("data/{i}\0");
        ask_in(&mut store, tx, ONE, MessageType::Read, &path) == Err("ENOSPC".into())
    });
    assert_eq!(refused.unwrap(), 256);
}

#[test]
fn unread_events_are_bounded() {
    let mut store = daemon();
    ask(&mut store, ONE, MessageType::Watch, "data\0t\0").unwrap();
    for i in 0..2000 {
        ask(&mut store, ONE, MessageType::Write, &format!("data/{i}\0v")).unwrap();
        ask(&mut store, ONE, MessageType::Rm, &format!("data/{i}\0")).unwrap();
    }
    assert_eq!(events(&mut store, ONE).len(), Quota::default().events);
}
