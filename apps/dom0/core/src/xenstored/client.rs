// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon's clients, and what they are told: watches and their events.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::task::Waker;

use super::{
    Caller, Change, DOM0, Error, EventQueue, PRIVILEGED, Quota, TOKEN_MAX, Target, Transaction,
    Watch, WatchEvent, Xenstored,
};
use crate::DomId;

/// Who holds watches and transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientId {
    /// A domain with a ring.
    Domain(DomId),
    /// One watch of dom0's own, without a ring.
    Local(u64),
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) caller: Caller,
    pub(super) watches: Vec<Watch>,
    pub(super) transactions: BTreeMap<u32, Transaction>,
    pub(super) next_transaction: u32,
    pub(super) events: EventQueue,
}

impl Client {
    pub(super) fn new(caller: Caller) -> Self {
        Self {
            caller,
            watches: Vec::new(),
            transactions: BTreeMap::new(),
            next_transaction: 1,
            events: EventQueue::default(),
        }
    }
}

impl Xenstored {
    /// Sets a watch; the client gets one event at once. `EEXIST` if it has the same one.
    pub fn watch(&mut self, id: ClientId, target: Target, token: Vec<u8>) -> Result<(), Error> {
        let limit = self.event_limit(id);
        let client = self.clients.get_mut(&id).ok_or(Error::Enoent)?;
        if !client.caller.privileged {
            if !matches!(target, Target::Node { .. }) {
                return Err(Error::Eacces);
            }
            if client.watches.len() >= self.quota.watches {
                return Err(Error::Enospc);
            }
        }
        if token.len() > TOKEN_MAX {
            return Err(Error::Einval);
        }
        if client.watches.iter().any(|watch| watch.target == target && watch.token == token) {
            return Err(Error::Eexist);
        }
        let watch = Watch { caller: client.caller, target, token };
        client.events.push(watch.initial_event(), limit);
        client.watches.push(watch);
        Ok(())
    }

    /// Takes a watch back; `ENOENT` if there is no such one.
    pub fn unwatch(&mut self, id: ClientId, target: &Target, token: &[u8]) -> Result<(), Error> {
        let client = self.clients.get_mut(&id).ok_or(Error::Enoent)?;
        let is_it = |watch: &Watch| watch.target == *target && watch.token == token;
        let at = client.watches.iter().position(is_it).ok_or(Error::Enoent)?;
        client.watches.remove(at);
        Ok(())
    }

    /// A new client inside dom0 that watches `path`.
    pub fn watch_locally(&mut self, path: &str) -> Result<ClientId, Error> {
        let target = Target::parse(path, DOM0)?;
        let id = ClientId::Local(self.next_local);
        self.next_local += 1;
        self.clients.insert(id, Client::new(PRIVILEGED));
        self.watch(id, target, Vec::new())?;
        Ok(id)
    }

    /// Ends a client with all it holds.
    pub fn disconnect(&mut self, id: ClientId) {
        self.clients.remove(&id);
    }

    /// The oldest watch event of a client. Without one, `waker` is woken when one comes or the
    /// client ends.
    pub fn next_event(&mut self, id: ClientId, waker: Option<&Waker>) -> Option<WatchEvent> {
        let events = &mut self.clients.get_mut(&id)?.events;
        let event = events.pop();
        if let (None, Some(waker)) = (&event, waker) {
            events.register(waker);
        }
        event
    }

    pub(super) fn reset_watches(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.watches.clear();
            client.events = EventQueue::default();
        }
    }

    pub(super) fn fire(&mut self, changes: &[Change]) {
        for change in changes {
            for (id, client) in &mut self.clients {
                let limit = event_limit(*id, &self.quota);
                for watch in &client.watches {
                    if let Some(event) = watch.event_for(change, &self.tree) {
                        client.events.push(event, limit);
                    }
                }
            }
        }
    }

    pub(super) fn tell(&mut self, what: &Target) {
        for (id, client) in &mut self.clients {
            let limit = event_limit(*id, &self.quota);
            for watch in client.watches.iter().filter(|watch| watch.target == *what) {
                client.events.push(watch.initial_event(), limit);
            }
        }
    }

    fn event_limit(&self, id: ClientId) -> usize {
        event_limit(id, &self.quota)
    }
}

fn event_limit(id: ClientId, quota: &Quota) -> usize {
    match id {
        ClientId::Domain(_) => quota.events,
        ClientId::Local(_) => usize::MAX,
    }
}
