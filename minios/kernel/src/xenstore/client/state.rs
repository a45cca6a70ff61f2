// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who waits for what of the server.
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::task::{Context, Poll, Waker};

use minios_core::xenstore::Incoming;

use super::Error;

/// Who waits for what.
#[derive(Default)]
pub(super) struct State {
    last_id: u32,
    /// Bytes of requests that did not fit into the ring yet.
    pub(super) outgoing: VecDeque<u8>,
    replies: BTreeMap<u32, Pending>,
    watches: BTreeMap<u32, Events>,
    /// How many are open.
    pub(super) transactions: usize,
    /// The server broke the protocol: every call fails from then on.
    broken: bool,
}

/// A request without a reply, or a reply that was not fetched yet.
#[derive(Default)]
struct Pending {
    waker: Option<Waker>,
    result: Option<Result<Vec<u8>, Error>>,
}

/// A watch, and its events that were not fetched yet.
struct Events {
    path: String,
    waker: Option<Waker>,
    paths: VecDeque<String>,
}

impl State {
    /// A number that no request and no watch has. 0 is what watch events carry.
    pub(super) fn next_id(&mut self) -> u32 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            let id = self.last_id;
            if id != 0 && !self.replies.contains_key(&id) && !self.watches.contains_key(&id) {
                return id;
            }
        }
    }

    /// Waits for the reply to a request.
    pub(super) fn expect(&mut self, id: u32) {
        self.replies.insert(id, Pending::default());
    }

    /// Waits for it no more.
    pub(super) fn forget(&mut self, id: u32) {
        self.replies.remove(&id);
    }

    pub(super) fn poll_reply(
        &mut self,
        id: u32,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Vec<u8>, Error>> {
        if self.broken {
            return Poll::Ready(Err(Error::Eio));
        }
        let Some(pending) = self.replies.get_mut(&id) else { return Poll::Pending };
        match pending.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                pending.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Begins to collect the events of a new watch; its number is its token.
    pub(super) fn open_watch(&mut self, path: &str) -> u32 {
        let token = self.next_id();
        let (path, paths) = (String::from(path), VecDeque::new());
        self.watches.insert(token, Events { path, waker: None, paths });
        token
    }

    /// Forgets a watch.
    pub(super) fn close_watch(&mut self, token: u32) {
        self.watches.remove(&token);
    }

    /// Tokens and paths of all watches.
    pub(super) fn watches(&self) -> Vec<(u32, String)> {
        self.watches.iter().map(|(&token, events)| (token, events.path.clone())).collect()
    }

    pub(super) fn poll_watch(&mut self, token: u32, cx: &mut Context<'_>) -> Poll<String> {
        let Some(events) = self.watches.get_mut(&token) else { return Poll::Pending };
        match events.paths.pop_front() {
            Some(path) => Poll::Ready(path),
            None => {
                events.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Gives a message to who waits for it, and says who is to be woken.
    pub(super) fn deliver(&mut self, incoming: Incoming) -> Option<Waker> {
        match incoming {
            Incoming::Reply { req_id, result } => {
                let pending = self.replies.get_mut(&req_id)?;
                pending.result = Some(result);
                pending.waker.take()
            }
            Incoming::WatchEvent { path, token } => {
                let events = self.watches.get_mut(&token.parse().ok()?)?;
                // Several changes of one path that nobody looked at yet are one.
                if !events.paths.contains(&path) {
                    events.paths.push_back(path);
                }
                events.waker.take()
            }
        }
    }

    /// Whether the server owes nothing.
    pub(super) fn is_idle(&self) -> bool {
        self.outgoing.is_empty() && self.transactions == 0 && self.replies.is_empty()
    }

    /// Makes every call fail, and says who is to be woken.
    pub(super) fn fail(&mut self) -> Vec<Waker> {
        self.broken = true;
        self.replies.values_mut().filter_map(|pending| pending.waker.take()).collect()
    }
}
