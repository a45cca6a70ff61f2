// SPDX-License-Identifier: MIT OR Apache-2.0
//! Isolation, conflicts, all or nothing.

use super::*;

fn end(store: &mut Xenstored, tx: u32, domid: DomId, how: &str) -> Result<String, String> {
    ask_in(store, tx, domid, MessageType::TransactionEnd, how)
}

#[test]
fn nothing_is_seen_before_the_end() {
    let mut store = daemon();
    let tx = begin(&mut store, ONE);
    ask_in(&mut store, tx, ONE, MessageType::Write, "data/a\0new").unwrap();
    assert_eq!(ask_in(&mut store, tx, ONE, MessageType::Read, "data/a\0").unwrap(), "new");
    assert_eq!(ask(&mut store, ONE, MessageType::Read, "data/a\0").unwrap_err(), "ENOENT");
    assert_eq!(end(&mut store, tx, ONE, "T\0").unwrap(), "OK\0");
    assert_eq!(ask(&mut store, ONE, MessageType::Read, "data/a\0").unwrap(), "new");
    assert_eq!(end(&mut store, tx, ONE, "T\0").unwrap_err(), "ENOENT");
}

#[test]
fn an_aborted_transaction_leaves_no_trace() {
    let mut store = daemon();
    let before = store.nodes_of(ONE);
    let tx = begin(&mut store, ONE);
    ask_in(&mut store, tx, ONE, MessageType::Write, "data/a\0new").unwrap();
    assert_eq!(end(&mut store, tx, ONE, "X\0").unwrap_err(), "EINVAL");
    assert_eq!(end(&mut store, tx, ONE, "F\0").unwrap(), "OK\0");
    assert_eq!(store.nodes_of(ONE), before);
    assert_eq!(dom0_read(&store, "/local/domain/1/data/a"), None);
}

#[test]
fn a_changed_node_that_was_read_is_a_conflict() {
    let mut store = daemon();
    ask(&mut store, ONE, MessageType::Write, "data/a\0old").unwrap();
    let tx = begin(&mut store, ONE);
    ask_in(&mut store, tx, ONE, MessageType::Read, "data/a\0").unwrap();
    ask_in(&mut store, tx, ONE, MessageType::Write, "data/b\0b").unwrap();
    ask(&mut store, ONE, MessageType::Write, "data/a\0other").unwrap();
    assert_eq!(ask_in(&mut store, tx, ONE, MessageType::Read, "data/a\0").unwrap(), "old");
    assert_eq!(end(&mut store, tx, ONE, "T\0").unwrap_err(), "EAGAIN");
    assert_eq!(dom0_read(&store, "/local/domain/1/data/b"), None);
}

#[test]
fn missing_nodes_and_lists_conflict_too() {
    let mut store = daemon();
    for kind in [MessageType::Read, MessageType::Directory] {
        let tx = begin(&mut store, ONE);
        let path = if kind == MessageType::Read { "data/new\0" } else { "data\0" };
        let _ = ask_in(&mut store, tx, ONE, kind, path);
        dom0_write(&mut store, "/local/domain/1/data/new", "x");
        assert_eq!(end(&mut store, tx, ONE, "T\0").unwrap_err(), "EAGAIN");
        dom0(&mut store, Operation::Remove(path_of("/local/domain/1/data/new")));
    }
}

#[test]
fn changes_elsewhere_are_no_conflict() {
    let mut store = daemon();
    let tx = begin(&mut store, ONE);
    ask_in(&mut store, tx, ONE, MessageType::Write, "data/a\0a").unwrap();
    ask(&mut store, ONE, MessageType::Write, "device/b\0b").unwrap();
    ask(&mut store, ONE, MessageType::Write, "data/c\0c").unwrap();
    assert_eq!(end(&mut store, tx, ONE, "T\0").unwrap(), "OK\0");
    assert_eq!(dom0_read(&store, "/local/domain/1/data/c").unwrap(), "c");
    assert_eq!(dom0_read(&store, "/local/domain/1/data/a").unwrap(), "a");
}

#[test]
fn a_commit_that_can_no_longer_be_made_changes_nothing() {
    let mut store = daemon();
    let tx = begin(&mut store, ONE);
    ask_in(&mut store, tx, ONE, MessageType::Write, "data/a\0a").unwrap();
    ask_in(&mut store, tx, ONE, MessageType::Write, "device/x\0x").unwrap();
    let dom0_only = Permissions::new(DomId::DOM0, Rights::None);
    dom0(&mut store, Operation::SetPermissions(path_of("/local/domain/1/device"), dom0_only));
    assert_eq!(end(&mut store, tx, ONE, "T\0").unwrap_err(), "EAGAIN");
    assert_eq!(dom0_read(&store, "/local/domain/1/data/a"), None);
}

#[test]
fn watchers_hear_of_a_transaction_at_its_end() {
    let mut store = daemon();
    ask(&mut store, ONE, MessageType::Watch, "data\0t\0").unwrap();
    events(&mut store, ONE);
    let tx = begin(&mut store, ONE);
    ask_in(&mut store, tx, ONE, MessageType::Write, "data/a\0a").unwrap();
    assert_eq!(events(&mut store, ONE), []);
    end(&mut store, tx, ONE, "T\0").unwrap();
    assert_eq!(events(&mut store, ONE), pairs(&[("data/a", "t")]));
}

#[test]
fn transactions_do_not_nest_and_unknown_ones_are_refused() {
    let mut store = daemon();
    let tx = begin(&mut store, ONE);
    let nested = ask_in(&mut store, tx, ONE, MessageType::TransactionStart, "\0");
    assert_eq!(nested.unwrap_err(), "EBUSY");
    let other = ask_in(&mut store, tx, TWO, MessageType::Read, "data\0");
    assert_eq!(other.unwrap_err(), "ENOENT");
}
