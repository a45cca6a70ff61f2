// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading and changing nodes under permissions and quotas, on the tree itself or on the private
//! copy of a transaction.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Caller, Error, Node, Path, Permissions, Quota, Tree};

/// Longest value in bytes: what fits in a message (`XENSTORE_PAYLOAD_MAX`, io/xs_wire.h).
pub const VALUE_MAX: usize = 4096;

/// A request that changes the tree.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Give a node a value; make it and the nodes above it if they are missing.
    Write(Path, Vec<u8>),
    /// Make a node without value, if there is none.
    MakeDirectory(Path),
    /// Take a node and everything below it out.
    Remove(Path),
    /// Replace a node's permissions.
    SetPermissions(Path, Permissions),
}

impl Operation {
    /// The node concerned.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Write(path, _)
            | Self::MakeDirectory(path)
            | Self::Remove(path)
            | Self::SetPermissions(path, _) => path,
        }
    }

    /// Bytes that this operation holds on to while a transaction is open.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let value = if let Self::Write(_, value) = self { value.len() } else { 0 };
        self.path().as_str().len() + value
    }
}

/// What happened to the tree, for those who watch.
#[derive(Clone, Debug)]
pub struct Change {
    /// The node that was written, made, removed or got permissions.
    pub path: Path,
    /// The node as it was, if the change took it out.
    pub removed: Option<Arc<Node>>,
    /// The permissions before, if the change was of them.
    pub permissions_before: Option<Permissions>,
}

impl Change {
    fn of(path: &Path) -> Self {
        Self { path: path.clone(), removed: None, permissions_before: None }
    }
}

/// The node at `path` if `caller` may read it. A caller that may not read the nearest existing
/// node above gets `EACCES` for a missing one too, and so learns nothing.
pub(super) fn readable<'t>(tree: &'t Tree, caller: Caller, path: &Path) -> Result<&'t Node, Error> {
    if !tree.nearest(path).permissions.rights(caller).can_read() {
        return Err(Error::Eacces);
    }
    tree.get(path).ok_or(Error::Enoent)
}

/// Carries out `operation` with `generation` as the stamp of what changes. On an error the tree is
/// as it was.
pub(super) fn apply(
    tree: &mut Tree,
    caller: Caller,
    operation: &Operation,
    quota: &Quota,
    generation: u64,
) -> Result<Option<Change>, Error> {
    let at = At { caller, quota, generation };
    match operation {
        Operation::Write(path, value) => at.write(tree, path, value),
        Operation::MakeDirectory(path) => at.make_directory(tree, path),
        Operation::Remove(path) => at.remove(tree, path),
        Operation::SetPermissions(path, permissions) => at.set_permissions(tree, path, permissions),
    }
}

/// The circumstances of one operation.
struct At<'q> {
    caller: Caller,
    quota: &'q Quota,
    generation: u64,
}

impl At<'_> {
    fn write(&self, tree: &mut Tree, path: &Path, value: &[u8]) -> Result<Option<Change>, Error> {
        self.check_writable(tree, path)?;
        if value.len() > VALUE_MAX {
            return Err(Error::E2big);
        }
        let children = tree.get(path).map_or(0, |node| node.bytes() - node.value.len());
        self.check_node_bytes(children + value.len())?;
        self.create(tree, path)?;
        tree.modify(path, self.generation, |node| node.value = value.to_vec());
        Ok(Some(Change::of(path)))
    }

    fn make_directory(&self, tree: &mut Tree, path: &Path) -> Result<Option<Change>, Error> {
        self.check_writable(tree, path)?;
        if tree.get(path).is_some() {
            return Ok(None);
        }
        self.create(tree, path)?;
        Ok(Some(Change::of(path)))
    }

    fn remove(&self, tree: &mut Tree, path: &Path) -> Result<Option<Change>, Error> {
        let (parent, _) = path.split_last().ok_or(Error::Einval)?;
        self.check_writable(tree, path)?;
        if tree.get(&parent).is_none() {
            return Err(Error::Enoent);
        }
        let Some(removed) = tree.remove(path, self.generation) else { return Ok(None) };
        Ok(Some(Change { removed: Some(removed), ..Change::of(path) }))
    }

    fn set_permissions(
        &self,
        tree: &mut Tree,
        path: &Path,
        permissions: &Permissions,
    ) -> Result<Option<Change>, Error> {
        let before = readable(tree, self.caller, path)?.permissions.clone();
        if !before.is_owner(self.caller) {
            return Err(Error::Eacces);
        }
        if !self.caller.privileged && permissions.owner() != self.caller.domid {
            return Err(Error::Eperm);
        }
        tree.modify(path, self.generation, |node| node.permissions = permissions.clone());
        Ok(Some(Change { permissions_before: Some(before), ..Change::of(path) }))
    }

    /// Makes `path` and the missing nodes above it; each takes over its parent's permissions.
    fn create(&self, tree: &mut Tree, path: &Path) -> Result<(), Error> {
        let mut missing = Vec::new();
        let mut next = Some(path.clone());
        while let Some(path) = next {
            if tree.get(&path).is_some() {
                break;
            }
            next = path.split_last().map(|(parent, _)| parent);
            missing.push(path);
        }
        let Some(topmost) = missing.last() else { return Ok(()) };
        let parent = tree.nearest(path);
        let name = topmost.split_last().map_or(0, |(_, name)| name.len());
        self.check_node_bytes(parent.bytes() + name + 1)?;
        let permissions = parent.permissions.inherit(self.caller);
        if !self.caller.privileged
            && tree.owned(self.caller.domid) + missing.len() > self.quota.nodes
        {
            return Err(Error::Enospc);
        }
        for path in missing.iter().rev() {
            tree.insert(path, Node::new(permissions.clone(), self.generation));
        }
        Ok(())
    }

    fn check_writable(&self, tree: &Tree, path: &Path) -> Result<(), Error> {
        let may_write = tree.nearest(path).permissions.rights(self.caller).can_write();
        if may_write { Ok(()) } else { Err(Error::Eacces) }
    }

    fn check_node_bytes(&self, bytes: usize) -> Result<(), Error> {
        let fits = self.caller.privileged || bytes <= self.quota.node_bytes;
        if fits { Ok(()) } else { Err(Error::Enospc) }
    }
}
