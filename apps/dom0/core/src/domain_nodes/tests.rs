// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a new domain finds in xenstore, and what is left when it is gone.

use std::vec;

use super::*;
use crate::xenstored::{Caller, Operation};

const ONE: DomId = DomId::new(1);
const GUEST: Caller = Caller { domid: ONE, privileged: false };

fn nodes() -> DomainNodes {
    let ring = |number| Ring { frame: Mfn::new(u64::from(number)), port: EvtchnPort::new(number) };
    DomainNodes {
        domid: ONE,
        name: "web".into(),
        uuid: "0-1-2".into(),
        vcpus: 2,
        memory_kib: 8192,
        max_memory_kib: 8192,
        store_ring: ring(1),
        console_ring: ring(2),
        vifs: vec![VifNodes {
            mac: MacAddress([0, 0x16, 0x3e, 0, 0, 1]),
            bridge: "xenbr0".into(),
            ip: None,
        }],
    }
}

fn made() -> Store {
    let store = Store::default();
    write_dom0(&store).unwrap();
    nodes().write(&store).unwrap();
    store.introduce(ONE).unwrap();
    store
}

fn guest_reads(store: &Store, path: &str) -> Option<Vec<u8>> {
    let path = Path::parse(path, ONE).unwrap();
    Some(store.daemon().node(GUEST, &path).ok()?.value.clone())
}

fn guest_writes(store: &Store, path: &str) -> bool {
    let path = Path::parse(path, ONE).unwrap();
    store.daemon().change(GUEST, &Operation::Write(path, b"4".to_vec())).is_ok()
}

#[test]
fn the_guest_finds_its_devices() {
    let store = made();
    for (path, value) in [
        ("name", "web"),
        ("domid", "1"),
        ("memory/target", "8192"),
        ("console/port", "2"),
        ("device/vif/0/backend", "/local/domain/0/backend/vif/1/0"),
        ("device/vif/0/backend-id", "0"),
        ("device/vif/0/mac", "00:16:3e:00:00:01"),
        ("device/vif/0/state", "1"),
        ("/local/domain/0/backend/vif/1/0/state", "1"),
        ("/local/domain/0/backend/vif/1/0/online", "1"),
        ("/vm/0-1-2/name", "web"),
    ] {
        assert_eq!(guest_reads(&store, path).as_deref(), Some(value.as_bytes()), "{path}");
    }
    assert_eq!(guest_reads(&store, "/local/domain/0/name"), None);
    assert_eq!(guest_reads(&store, "/local/domain/0/backend"), None);
}

#[test]
fn the_guest_writes_what_it_should_and_nothing_else() {
    let store = made();
    for path in [
        "device/vif/0/state",
        "device/vif/0/tx-ring-ref",
        "control/shutdown",
        "control/feature-poweroff",
        "data/anything",
    ] {
        assert!(guest_writes(&store, path), "{path}");
    }
    for path in [
        "name",
        "memory/target",
        "console/port",
        "device/vif/1/state",
        "device/vif/0/backend",
        "device/vif/0/backend-id",
        "device/vif/0/mac",
        "/local/domain/0/backend/vif/1/0/state",
        "/local/domain/0/backend/vif/2/0/state",
        "/vm/0-1-2/name",
        "/tool",
    ] {
        assert!(!guest_writes(&store, path), "{path}");
    }
}

#[test]
fn nothing_is_left_of_a_domain() {
    let before = Store::default();
    write_dom0(&before).unwrap();
    let store = made();
    guest_writes(&store, "data/x");
    nodes().remove(&store);
    store.release(ONE);
    for path in ["/vm", "/local/domain", "/local/domain/0/backend/vif"] {
        let left = store.directory(path).unwrap();
        assert_eq!(left, before.directory(path).unwrap_or_default(), "{path}");
    }
}

#[test]
fn interfaces_come_and_go() {
    let (store, nodes) = (made(), nodes());
    let state = "/local/domain/0/backend/vif/1/0/state";
    assert!(nodes.has_vifs(&store) && !nodes.vifs_are_closed(&store));
    nodes.close_vifs(&store).unwrap();
    assert_eq!(store.read(state).unwrap(), "5");
    assert_eq!(store.read("/local/domain/0/backend/vif/1/0/online").unwrap(), "0");
    store.write(state, "6").unwrap();
    assert!(nodes.vifs_are_closed(&store));
    nodes.remove_vifs(&store);
    assert!(!nodes.has_vifs(&store));
    assert!(!guest_writes(&store, "device/vif/0/state"), "its directory is gone");
    nodes.write_vifs(&store).unwrap();
    assert!(nodes.has_vifs(&store) && guest_writes(&store, "device/vif/0/state"));
}
