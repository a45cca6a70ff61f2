// SPDX-License-Identifier: MIT OR Apache-2.0
//! dom0's own handle on xenstored: direct calls with all rights, no ring between.
//!
//! ```
//! use dom0_core::store::Store;
//! let store = Store::default();
//! store.write("/local/domain/1/name", "web").unwrap();
//! assert_eq!(store.read("/local/domain/1/name").unwrap(), "web");
//! ```

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::future::poll_fn;
use core::task::{Context, Poll};

use spin::{Mutex, MutexGuard};

use crate::DomId;
use crate::xenstored::{
    ClientId, DOM0, Error, Operation, PRIVILEGED, Path, Permissions, Quota, Xenstored,
};

/// The store. A clone is the same store.
///
/// Values that domUs wrote may be anything: [`Store::read`] is for text, [`Store::read_bytes`] for
/// the rest, and whoever reads a number must expect none there.
#[derive(Clone, Debug)]
pub struct Store(Arc<Mutex<Xenstored>>);

impl Default for Store {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Xenstored::new(Quota::default()))))
    }
}

impl Store {
    /// The daemon behind, for the length of one call. Nothing may await while it is held.
    #[must_use]
    pub fn daemon(&self) -> MutexGuard<'_, Xenstored> {
        self.0.lock()
    }

    /// A node's value as text; `EINVAL` if it is none.
    pub fn read(&self, path: &str) -> Result<String, Error> {
        String::from_utf8(self.read_bytes(path)?).map_err(|_| Error::Einval)
    }

    /// A node's value as it is.
    pub fn read_bytes(&self, path: &str) -> Result<Vec<u8>, Error> {
        Ok(self.daemon().node(PRIVILEGED, &parse(path)?)?.value.clone())
    }

    /// A node's value as a decimal number; `EINVAL` if it is none.
    pub fn read_number<N: core::str::FromStr>(&self, path: &str) -> Result<N, Error> {
        self.read(path)?.parse().map_err(|_| Error::Einval)
    }

    /// Gives a node a value. A new node, and those above it that are missing, get the permissions
    /// of the nearest node above.
    pub fn write(&self, path: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.change(Operation::Write(parse(path)?, value.as_ref().to_vec()))
    }

    /// Makes a node without value if there is none.
    pub fn make_directory(&self, path: &str) -> Result<(), Error> {
        self.change(Operation::MakeDirectory(parse(path)?))
    }

    /// Takes a node and all below it out. No error if there was none.
    pub fn remove(&self, path: &str) -> Result<(), Error> {
        match self.change(Operation::Remove(parse(path)?)) {
            Err(Error::Enoent) => Ok(()),
            result => result,
        }
    }

    /// Names of a node's children, sorted.
    pub fn directory(&self, path: &str) -> Result<Vec<String>, Error> {
        Ok(self.daemon().node(PRIVILEGED, &parse(path)?)?.children.keys().cloned().collect())
    }

    /// Whether there is such a node.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        parse(path).is_ok_and(|path| self.daemon().node(PRIVILEGED, &path).is_ok())
    }

    /// Replaces the permissions of one node.
    pub fn set_permissions(&self, path: &str, permissions: Permissions) -> Result<(), Error> {
        self.change(Operation::SetPermissions(parse(path)?, permissions))
    }

    /// Watches a node and all below it, or `@introduceDomain` or `@releaseDomain`. The first event
    /// comes at once and names the path itself.
    pub fn watch(&self, path: &str) -> Result<Watch, Error> {
        let client = self.daemon().watch_locally(path)?;
        Ok(Watch { store: self.clone(), client })
    }

    /// Makes a domain known, whose ring is served from now on.
    pub fn introduce(&self, domid: DomId) -> Result<(), Error> {
        self.daemon().introduce(domid)
    }

    /// Forgets a dead domain and all its nodes and rights.
    pub fn release(&self, domid: DomId) {
        self.daemon().release(domid);
    }

    fn change(&self, operation: Operation) -> Result<(), Error> {
        self.daemon().change(PRIVILEGED, &operation)
    }
}

fn parse(path: &str) -> Result<Path, Error> {
    Path::parse(path, DOM0)
}

/// A watch that [`Store::watch`] set; dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    store: Store,
    client: ClientId,
}

impl Watch {
    /// Waits for the next change and returns the path of the node that changed. Several changes of
    /// one node since the last call may come as one.
    pub async fn next(&mut self) -> String {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The same for hand-written futures.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        match self.store.daemon().next_event(self.client, Some(cx.waker())) {
            Some(event) => Poll::Ready(event.path),
            None => Poll::Pending,
        }
    }

    /// A change that has come already.
    pub fn try_next(&mut self) -> Option<String> {
        Some(self.store.daemon().next_event(self.client, None)?.path)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.store.daemon().disconnect(self.client);
    }
}
