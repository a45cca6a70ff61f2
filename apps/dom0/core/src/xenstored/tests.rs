// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon seen through its wire protocol and its ring page, as a domain sees it.

mod access;
mod protocol;
mod quotas;
mod transactions;
mod watches;

use std::string::String;
use std::vec::Vec;

use xen_abi::xenstore::{MessageHeader, MessageType};

use super::message::{self, HEADER_BYTES};
use super::{Operation, PRIVILEGED, Path, Permissions, Quota, Rights, Xenstored};
use crate::DomId;

const ONE: DomId = DomId::new(1);
const TWO: DomId = DomId::new(2);

/// A daemon with two domains, each with a home that is dom0's and `device` and `data` in it that
/// are its own, as a toolstack makes them.
fn daemon() -> Xenstored {
    let mut store = Xenstored::new(Quota::default());
    for domid in [ONE, TWO] {
        let home = Path::home(domid);
        let readable = Permissions::new(DomId::DOM0, Rights::None).with(domid, Rights::Read);
        dom0(&mut store, Operation::MakeDirectory(home.clone()));
        dom0(&mut store, Operation::SetPermissions(home.clone(), readable));
        for name in ["device", "data"] {
            let own = Permissions::new(domid, Rights::None);
            dom0(&mut store, Operation::MakeDirectory(home.child(name)));
            dom0(&mut store, Operation::SetPermissions(home.child(name), own));
        }
        store.introduce(domid).unwrap();
    }
    store
}

fn dom0(store: &mut Xenstored, operation: Operation) {
    store.change(PRIVILEGED, &operation).unwrap();
}

fn dom0_write(store: &mut Xenstored, path: &str, value: &str) {
    dom0(store, Operation::Write(path_of(path), value.into()));
}

fn dom0_read(store: &Xenstored, path: &str) -> Option<String> {
    let node = store.node(PRIVILEGED, &path_of(path)).ok()?;
    Some(String::from_utf8(node.value.clone()).unwrap())
}

fn path_of(path: &str) -> Path {
    Path::parse(path, DomId::DOM0).unwrap()
}

/// Sends a request in transaction `tx`; the payload of the answer, or the name of the error.
fn ask_in(
    store: &mut Xenstored,
    tx: u32,
    domid: DomId,
    kind: MessageType,
    payload: &str,
) -> Result<String, String> {
    let len = payload.len().try_into().unwrap();
    let header = MessageHeader { kind: kind as u32, req_id: 7, tx_id: tx, len };
    let answer = store.serve(domid, &header, payload.as_bytes());
    let got = message::decode(&answer).unwrap();
    assert_eq!((got.req_id, got.tx_id), (7, tx));
    assert_eq!(got.len as usize, answer.len() - HEADER_BYTES);
    let text = String::from_utf8(answer[HEADER_BYTES..].to_vec()).unwrap();
    if got.kind == MessageType::Error as u32 {
        return Err(text.trim_end_matches('\0').into());
    }
    assert_eq!(got.kind, kind as u32);
    Ok(text)
}

fn ask(
    store: &mut Xenstored,
    domid: DomId,
    kind: MessageType,
    payload: &str,
) -> Result<String, String> {
    ask_in(store, 0, domid, kind, payload)
}

fn begin(store: &mut Xenstored, domid: DomId) -> u32 {
    let id = ask(store, domid, MessageType::TransactionStart, "\0").unwrap();
    id.trim_end_matches('\0').parse().unwrap()
}

/// The events that wait for a domain: path and token.
fn events(store: &mut Xenstored, domid: DomId) -> Vec<(String, String)> {
    let id = super::ClientId::Domain(domid);
    core::iter::from_fn(|| store.next_event(id, None))
        .map(|event| (event.path, String::from_utf8(event.token).unwrap()))
        .collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(path, token)| ((*path).into(), (*token).into())).collect()
}
