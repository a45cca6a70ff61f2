// SPDX-License-Identifier: MIT OR Apache-2.0
//! Watches: who wants to know of changes below which node, and the events not yet fetched.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::task::Waker;

use xen_abi::xenstore::{WATCH_INTRODUCE_DOMAIN, WATCH_RELEASE_DOMAIN};

use super::operation::Change;
use super::{Caller, Error, Node, Path, Tree};
use crate::DomId;

/// Longest token in bytes: path, token and their NULs fit in one message.
pub const TOKEN_MAX: usize = 1022;

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A node and all below it. `relative` if the client gave a relative path, and so gets these.
    Node {
        /// The node.
        path: Path,
        /// Whether events name paths relative to the client's home.
        relative: bool,
    },
    /// `@introduceDomain`: a domain became known to the daemon.
    IntroduceDomain,
    /// `@releaseDomain`: a domain died.
    ReleaseDomain,
}

impl Target {
    /// Reads what a client of domain `domid` sent.
    pub fn parse(text: &str, domid: DomId) -> Result<Self, Error> {
        match text {
            WATCH_INTRODUCE_DOMAIN => Ok(Self::IntroduceDomain),
            WATCH_RELEASE_DOMAIN => Ok(Self::ReleaseDomain),
            _ if text.starts_with('@') => Err(Error::Einval),
            _ => {
                Ok(Self::Node { path: Path::parse(text, domid)?, relative: !text.starts_with('/') })
            }
        }
    }
}

/// One registered watch.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Who set it.
    pub caller: Caller,
    /// What it is on.
    pub target: Target,
    /// What the client wants to find in events.
    pub token: Vec<u8>,
}

impl Watch {
    /// The event that tells of the watched node itself.
    #[must_use]
    pub fn initial_event(&self) -> WatchEvent {
        let path = match &self.target {
            Target::Node { path, .. } => self.render(path),
            Target::IntroduceDomain => String::from(WATCH_INTRODUCE_DOMAIN),
            Target::ReleaseDomain => String::from(WATCH_RELEASE_DOMAIN),
        };
        WatchEvent { path, token: self.token.clone() }
    }

    /// The event for `change`, if this watch is concerned and its domain may know. `tree` is the
    /// tree after the change.
    #[must_use]
    pub fn event_for(&self, change: &Change, tree: &Tree) -> Option<WatchEvent> {
        let Target::Node { path, .. } = &self.target else { return None };
        let seen = if path.covers(&change.path) {
            self.may_see(change, tree).then_some(&change.path)?
        } else {
            let gone = below(change.removed.as_deref()?, &change.path, path)?;
            gone.permissions.rights(self.caller).can_read().then_some(path)?
        };
        Some(WatchEvent { path: self.render(seen), token: self.token.clone() })
    }

    /// Whether the watcher may read the node, before or after, or list its parent.
    fn may_see(&self, change: &Change, tree: &Tree) -> bool {
        let parent = change.path.split_last().and_then(|(parent, _)| tree.get(&parent));
        let nodes = [change.removed.as_deref(), tree.get(&change.path), parent];
        let permissions = nodes.iter().flatten().map(|node| &node.permissions);
        permissions
            .chain(&change.permissions_before)
            .any(|permissions| permissions.rights(self.caller).can_read())
    }

    fn render(&self, path: &Path) -> String {
        let relative = matches!(self.target, Target::Node { relative: true, .. });
        let home = Path::home(self.caller.domid);
        match path.relative_to(&home) {
            Some(rest) if relative => String::from(rest),
            _ => path.to_string(),
        }
    }
}

/// The node `path` inside the removed subtree `node`, which was at `root`.
fn below<'n>(node: &'n Node, root: &Path, path: &Path) -> Option<&'n Node> {
    let mut names = path.components();
    for expected in root.components() {
        if names.next() != Some(expected) {
            return None;
        }
    }
    let mut found = node;
    for name in names {
        found = found.children.get(name)?;
    }
    Some(found)
}

/// A change that a client asked to be told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchEvent {
    /// The node that changed, or the special name.
    pub path: String,
    /// The token of the watch.
    pub token: Vec<u8>,
}

/// The events of one client that it has not fetched.
#[derive(Debug, Default)]
pub struct EventQueue {
    events: VecDeque<WatchEvent>,
    dropped: u64,
    waker: Option<Waker>,
}

impl EventQueue {
    /// Adds an event unless the same one waits already; beyond `limit` it is dropped.
    pub fn push(&mut self, event: WatchEvent, limit: usize) {
        if self.events.contains(&event) {
            return;
        }
        if self.events.len() >= limit {
            self.dropped += 1;
            return;
        }
        self.events.push_back(event);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// The oldest event.
    pub fn pop(&mut self) -> Option<WatchEvent> {
        self.events.pop_front()
    }

    /// Wakes `waker` at the next event.
    pub fn register(&mut self, waker: &Waker) {
        self.waker = Some(waker.clone());
    }

    /// How many events were dropped because the client fetched none.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl Drop for EventQueue {
    fn drop(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
