// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may see and change what.

use super::*;

#[test]
fn a_domain_works_in_what_is_its_own() {
    let mut store = daemon();
    assert_eq!(ask(&mut store, ONE, MessageType::Write, "data/a/b\0hello").unwrap(), "OK\0");
    assert_eq!(ask(&mut store, ONE, MessageType::Read, "data/a/b\0").unwrap(), "hello");
    assert_eq!(ask(&mut store, ONE, MessageType::Directory, "data\0").unwrap(), "a\0");
    assert_eq!(
        ask(&mut store, ONE, MessageType::Directory, "/local/domain/1\0").unwrap(),
        "data\0device\0"
    );
    assert_eq!(ask(&mut store, ONE, MessageType::Mkdir, "data/c\0").unwrap(), "OK\0");
    assert_eq!(ask(&mut store, ONE, MessageType::Rm, "data/a\0").unwrap(), "OK\0");
    assert_eq!(ask(&mut store, ONE, MessageType::Read, "data/a/b\0").unwrap_err(), "ENOENT");
    assert_eq!(ask(&mut store, ONE, MessageType::Rm, "data/a\0").unwrap(), "OK\0");
    assert_eq!(ask(&mut store, ONE, MessageType::Rm, "data/x/y\0").unwrap_err(), "ENOENT");
}

#[test]
fn a_domain_neither_reads_nor_writes_what_is_not_its_own() {
    let mut store = daemon();
    dom0_write(&mut store, "/local/domain/2/data/secret", "x");
    for kind in [MessageType::Read, MessageType::Directory, MessageType::GetPerms] {
        for path in ["/", "/local", "/local/domain/2", "/local/domain/2/data/secret", "/none"] {
            let payload = std::format!("{path}\0");
            assert_eq!(ask(&mut store, ONE, kind, &payload).unwrap_err(), "EACCES", "{path}");
        }
    }
    for payload in ["/x\0y", "/local/domain/1/name\0y", "/local/domain/2/data/secret\0y"] {
        assert_eq!(ask(&mut store, ONE, MessageType::Write, payload).unwrap_err(), "EACCES");
    }
    for path in ["/local/domain/2/data\0", "/local/domain/1\0", "/local/domain/1/none\0"] {
        assert_eq!(ask(&mut store, ONE, MessageType::Rm, path).unwrap_err(), "EACCES");
    }
    assert_eq!(ask(&mut store, ONE, MessageType::Rm, "/\0").unwrap_err(), "EINVAL");
    assert_eq!(dom0_read(&store, "/local/domain/2/data/secret").unwrap(), "x");
}

#[test]
fn only_the_owner_gives_rights_and_nobody_gives_a_node_away() {
    let mut store = daemon();
    ask(&mut store, ONE, MessageType::Write, "data/a\0v").unwrap();
    assert_eq!(ask(&mut store, ONE, MessageType::GetPerms, "data/a\0").unwrap(), "n1\0");
    assert_eq!(ask(&mut store, ONE, MessageType::SetPerms, "data/a\0n1\0r2\0").unwrap(), "OK\0");
    let path = "/local/domain/1/data/a\0";
    assert_eq!(ask(&mut store, TWO, MessageType::Read, path).unwrap(), "v");
    let write = "/local/domain/1/data/a\0w";
    assert_eq!(ask(&mut store, TWO, MessageType::Write, write).unwrap_err(), "EACCES");
    let take = "/local/domain/1/data/a\0n2\0";
    assert_eq!(ask(&mut store, TWO, MessageType::SetPerms, take).unwrap_err(), "EACCES");
    assert_eq!(ask(&mut store, ONE, MessageType::SetPerms, "data/a\0n0\0").unwrap_err(), "EPERM");
    for bad in ["data/a\0", "data/a\0x1\0", "data/a\0n\0", "data/a\0n70000\0", "data/a\0n+1\0"] {
        assert_eq!(ask(&mut store, ONE, MessageType::SetPerms, bad).unwrap_err(), "EINVAL");
    }
}

#[test]
fn the_privileged_requests_are_refused() {
    let mut store = daemon();
    for kind in [
        MessageType::Control,
        MessageType::Introduce,
        MessageType::Release,
        MessageType::IsDomainIntroduced,
        MessageType::Resume,
        MessageType::SetTarget,
    ] {
        assert_eq!(ask(&mut store, ONE, kind, "1\0").unwrap_err(), "EACCES");
    }
    assert_eq!(
        ask(&mut store, ONE, MessageType::GetDomainPath, "5\0").unwrap(),
        "/local/domain/5\0"
    );
}

#[test]
fn a_dead_domain_leaves_nothing_to_its_successor() {
    let mut store = daemon();
    ask(&mut store, TWO, MessageType::Write, "data/shared\0v").unwrap();
    ask(&mut store, TWO, MessageType::SetPerms, "data/shared\0n2\0b1\0").unwrap();
    ask(&mut store, ONE, MessageType::Write, "data/mine\0v").unwrap();
    assert!(store.nodes_of(ONE) > 0);
    store.release(ONE);
    assert_eq!(store.nodes_of(ONE), 0);
    assert_eq!(dom0_read(&store, "/local/domain/1/data/mine"), None);
    store.introduce(ONE).unwrap();
    let path = "/local/domain/2/data/shared\0";
    assert_eq!(ask(&mut store, ONE, MessageType::Read, path).unwrap_err(), "EACCES");
    let home = "/local/domain/1\0";
    assert_eq!(ask(&mut store, ONE, MessageType::Directory, home).unwrap_err(), "EACCES");
}

#[test]
fn a_transaction_cannot_bring_a_dead_domains_rights_back() {
    let mut store = daemon();
    ask(&mut store, TWO, MessageType::Write, "data/shared\0v").unwrap();
    let tx = begin(&mut store, TWO);
    ask_in(&mut store, tx, TWO, MessageType::SetPerms, "data/shared\0n2\0b1\0").unwrap();
    store.release(ONE);
    let end = ask_in(&mut store, tx, TWO, MessageType::TransactionEnd, "T\0");
    assert_eq!(end.unwrap_err(), "EAGAIN");
}
