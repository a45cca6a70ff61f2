// SPDX-License-Identifier: MIT OR Apache-2.0
//! The xenstore daemon without its rings: the tree and everything clients may do with it
//! (docs/misc/xenstore.txt).
//!
//! A client is a domain that was introduced, or a watch of dom0 itself. What a client sends is
//! foreign bytes; what it costs is bounded by [`Quota`].

mod client;
mod connection;
mod message;
mod operation;
mod path;
mod permissions;
mod quota;
mod request;
mod service;
#[cfg(test)]
mod tests;
mod transaction;
mod tree;
mod watch;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use client::Client;
pub use client::ClientId;
pub use connection::Connection;
pub use operation::{Change, Operation, VALUE_MAX};
pub use path::{DEPTH_MAX, Path};
pub use permissions::{Caller, Permissions, Rights};
pub use quota::Quota;
pub use service::{RingService, Turn};
pub use transaction::Transaction;
pub use tree::{Node, Tree};
pub use watch::{EventQueue, TOKEN_MAX, Target, Watch, WatchEvent};

pub use xen_abi::xenstore::StoreError as Error;

use crate::DomId;

/// The domain that the daemon runs in.
pub const DOM0: DomId = DomId::DOM0;
/// dom0 as a caller.
pub const PRIVILEGED: Caller = Caller { domid: DOM0, privileged: true };

/// The daemon's state.
#[derive(Debug)]
pub struct Xenstored {
    tree: Tree,
    generation: u64,
    quota: Quota,
    clients: BTreeMap<ClientId, Client>,
    next_local: u64,
}

impl Xenstored {
    /// An empty tree under `quota`.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        let tree = Tree::new(DOM0);
        Self { tree, generation: 1, quota, clients: BTreeMap::new(), next_local: 0 }
    }

    /// Makes a domain known: from now on it may send requests. `EEXIST` if it is known.
    pub fn introduce(&mut self, domid: DomId) -> Result<(), Error> {
        let id = ClientId::Domain(domid);
        if self.clients.contains_key(&id) {
            return Err(Error::Eexist);
        }
        self.clients.insert(id, Client::new(Caller { domid, privileged: false }));
        self.tell(&Target::IntroduceDomain);
        Ok(())
    }

    /// Whether the domain is known.
    #[must_use]
    pub fn is_introduced(&self, domid: DomId) -> bool {
        self.clients.contains_key(&ClientId::Domain(domid))
    }

    /// Forgets a dead domain: its watches, transactions and nodes, and every right that nodes of
    /// others gave it, so that a later domain of the same number gets none of them.
    pub fn release(&mut self, domid: DomId) {
        self.clients.remove(&ClientId::Domain(domid));
        for client in self.clients.values_mut() {
            client.transactions.values_mut().for_each(Transaction::invalidate);
        }
        for path in self.tree.find(false, &|node| node.permissions.owner() == domid) {
            let _ = self.change(PRIVILEGED, &Operation::Remove(path));
        }
        let generation = self.next_generation();
        for path in self.tree.find(true, &|node| node.permissions.names(domid)) {
            self.tree.modify(&path, generation, |node| node.permissions.forget(domid));
        }
        self.tell(&Target::ReleaseDomain);
    }

    /// The node `path` as `caller` may see it.
    pub fn node(&self, caller: Caller, path: &Path) -> Result<&Node, Error> {
        operation::readable(&self.tree, caller, path)
    }

    /// Carries out a change at once and tells the watchers.
    pub fn change(&mut self, caller: Caller, operation: &Operation) -> Result<(), Error> {
        let generation = self.next_generation();
        let change = operation::apply(&mut self.tree, caller, operation, &self.quota, generation)?;
        self.fire(change.as_slice());
        Ok(())
    }

    /// How many nodes a domain owns.
    #[must_use]
    pub fn nodes_of(&self, domid: DomId) -> usize {
        self.tree.owned(domid)
    }

    fn begin_transaction(&mut self, id: ClientId) -> Result<u32, Error> {
        let limit = self.quota.transactions;
        let client = self.clients.get_mut(&id).ok_or(Error::Enoent)?;
        if !client.caller.privileged && client.transactions.len() >= limit {
            return Err(Error::Enospc);
        }
        while client.next_transaction == 0
            || client.transactions.contains_key(&client.next_transaction)
        {
            client.next_transaction = client.next_transaction.wrapping_add(1);
        }
        let number = client.next_transaction;
        client.next_transaction = number.wrapping_add(1);
        client.transactions.insert(number, Transaction::new(&self.tree));
        Ok(number)
    }

    fn end_transaction(&mut self, id: ClientId, number: u32, commit: bool) -> Result<(), Error> {
        let client = self.clients.get_mut(&id).ok_or(Error::Enoent)?;
        let caller = client.caller;
        let transaction = client.transactions.remove(&number).ok_or(Error::Enoent)?;
        if !commit {
            return Ok(());
        }
        let generation = self.next_generation();
        let changes = transaction.commit(&mut self.tree, caller, &self.quota, generation)?;
        self.fire(&changes);
        Ok(())
    }

    /// The tree for looking at `path`: the transaction's, or the common one if `number` is 0.
    fn tree_for(&mut self, id: ClientId, number: u32, path: &Path) -> Result<&Tree, Error> {
        if number == 0 {
            return Ok(&self.tree);
        }
        let client = self.clients.get_mut(&id).ok_or(Error::Enoent)?;
        let transaction = client.transactions.get_mut(&number).ok_or(Error::Enoent)?;
        transaction.look_at(path, client.caller, &self.quota)
    }

    /// Carries out a change in transaction `number`, or at once if that is 0.
    fn change_in(&mut self, id: ClientId, number: u32, change: Operation) -> Result<(), Error> {
        let generation = self.next_generation();
        let client = self.clients.get_mut(&id).ok_or(Error::Enoent)?;
        let caller = client.caller;
        if number == 0 {
            return self.change(caller, &change);
        }
        let transaction = client.transactions.get_mut(&number).ok_or(Error::Enoent)?;
        transaction.apply(caller, change, &self.quota, generation)
    }

    fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    /// The tree as lines of path and value, for a person to read; from `path` downwards.
    #[must_use]
    pub fn listing(&self, path: &Path) -> Vec<(String, Vec<u8>)> {
        let below = self.tree.find(true, &|_| true);
        let wanted = below.iter().filter(|found| path.covers(found));
        let line = |path: &Path| {
            (
                String::from(path.as_str()),
                self.tree.get(path).map(|n| n.value.clone()).unwrap_or_default(),
            )
        };
        wanted.map(line).collect()
    }
}
