// SPDX-License-Identifier: MIT OR Apache-2.0
//! Transactions: a private copy of the tree, a list of the nodes that were looked at, and a list
//! of operations that the end of the transaction carries out on the tree all together or not at
//! all.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::operation::{self, Change, Operation};
use super::{Caller, Error, Path, Quota, Tree};

/// A transaction that has begun and not ended.
#[derive(Debug)]
pub struct Transaction {
    /// The tree at the beginning.
    base: Tree,
    /// The tree as this transaction sees it.
    view: Tree,
    /// Nodes whose state the transaction depends on.
    touched: BTreeSet<Path>,
    log: Vec<Operation>,
    log_bytes: usize,
    stale: bool,
}

impl Transaction {
    /// Begins on the tree as it is now.
    #[must_use]
    pub fn new(tree: &Tree) -> Self {
        Self {
            base: tree.clone(),
            view: tree.clone(),
            touched: BTreeSet::new(),
            log: Vec::new(),
            log_bytes: 0,
            stale: false,
        }
    }

    /// The tree as seen from inside, for looking at the node `path`.
    pub fn look_at(&mut self, path: &Path, caller: Caller, quota: &Quota) -> Result<&Tree, Error> {
        self.touch(path, caller, quota)?;
        Ok(&self.view)
    }

    /// Carries out `operation` for this transaction only.
    pub fn apply(
        &mut self,
        caller: Caller,
        operation: Operation,
        quota: &Quota,
        generation: u64,
    ) -> Result<(), Error> {
        let log_bytes = self.log_bytes + operation.bytes();
        if !caller.privileged && log_bytes > quota.transaction_bytes {
            return Err(Error::Enospc);
        }
        self.touch(operation.path(), caller, quota)?;
        operation::apply(&mut self.view, caller, &operation, quota, generation)?;
        self.log_bytes = log_bytes;
        self.log.push(operation);
        Ok(())
    }

    /// Makes the end of the transaction fail: a domain that it may name is gone.
    pub fn invalidate(&mut self) {
        self.stale = true;
    }

    /// Brings all operations into `tree` and returns the changes; `EAGAIN` and an unchanged tree if
    /// somebody changed a node in the meantime that this transaction looked at or changed.
    pub fn commit(
        self,
        tree: &mut Tree,
        caller: Caller,
        quota: &Quota,
        generation: u64,
    ) -> Result<Vec<Change>, Error> {
        let stamp = |tree: &Tree, path: &Path| tree.get(path).map(|node| node.generation);
        let conflict = self.touched.iter().any(|path| stamp(tree, path) != stamp(&self.base, path));
        if self.stale || conflict {
            return Err(Error::Eagain);
        }
        let mut result = tree.clone();
        let mut changes = Vec::new();
        for operation in &self.log {
            let change = operation::apply(&mut result, caller, operation, quota, generation);
            changes.extend(change.map_err(|error| match error {
                Error::Enospc => Error::Enospc,
                _ => Error::Eagain,
            })?);
        }
        *tree = result;
        Ok(changes)
    }

    fn touch(&mut self, path: &Path, caller: Caller, quota: &Quota) -> Result<(), Error> {
        if self.touched.contains(path) {
            return Ok(());
        }
        if !caller.privileged && self.touched.len() >= quota.transaction_nodes {
            return Err(Error::Enospc);
        }
        self.touched.insert(path.clone());
        Ok(())
    }
}
