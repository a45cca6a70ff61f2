// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tree of nodes. A clone shares all nodes with the original until one of them changes, so a
//! transaction's private copy costs nothing at its start.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Path, Permissions, Rights};
use crate::DomId;

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its value; any bytes.
    pub value: Vec<u8>,
    /// Who may read and write it.
    pub permissions: Permissions,
    /// Grows whenever value, permissions or the set of children change.
    pub generation: u64,
    /// Its children by name.
    pub children: BTreeMap<String, Arc<Node>>,
}

impl Node {
    /// A node without value or children.
    #[must_use]
    pub fn new(permissions: Permissions, generation: u64) -> Self {
        Self { value: Vec::new(), permissions, generation, children: BTreeMap::new() }
    }

    /// Bytes that count against the quota for one node.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.value.len() + self.children.keys().map(|name| name.len() + 1).sum::<usize>()
    }
}

/// All nodes, and how many each domain owns.
#[derive(Clone, Debug)]
pub struct Tree {
    root: Arc<Node>,
    owned: BTreeMap<DomId, usize>,
}

impl Tree {
    /// A tree with nothing but its root, which only its owner may see.
    #[must_use]
    pub fn new(owner: DomId) -> Self {
        let root = Arc::new(Node::new(Permissions::new(owner, Rights::None), 0));
        Self { root, owned: BTreeMap::from([(owner, 1)]) }
    }

    /// The node at `path`.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<&Node> {
        let mut node = &self.root;
        for name in path.components() {
            node = node.children.get(name)?;
        }
        Some(node)
    }

    /// The node at `path`, or else the nearest node above it; there is always the root.
    #[must_use]
    pub fn nearest(&self, path: &Path) -> &Node {
        let mut node = &self.root;
        for name in path.components() {
            match node.children.get(name) {
                Some(child) => node = child,
                None => break,
            }
        }
        node
    }

    /// How many nodes a domain owns.
    #[must_use]
    pub fn owned(&self, domid: DomId) -> usize {
        self.owned.get(&domid).copied().unwrap_or(0)
    }

    /// Changes the node at `path` by `change` and stamps it; `None` if there is no such node.
    pub fn modify<R>(
        &mut self,
        path: &Path,
        generation: u64,
        change: impl FnOnce(&mut Node) -> R,
    ) -> Option<R> {
        self.get(path)?;
        let mut node = Arc::make_mut(&mut self.root);
        for name in path.components() {
            node = Arc::make_mut(node.children.get_mut(name)?);
        }
        let owner_before = node.permissions.owner();
        let result = change(node);
        node.generation = generation;
        let owner = node.permissions.owner();
        self.count(owner_before, -1);
        self.count(owner, 1);
        Some(result)
    }

    /// Puts a node below an existing parent; nothing happens if there is none.
    pub fn insert(&mut self, path: &Path, node: Node) {
        let Some((parent, name)) = path.split_last() else { return };
        let owner = node.permissions.owner();
        let generation = node.generation;
        let added = self.modify(&parent, generation, |parent| {
            parent.children.insert(String::from(name), Arc::new(node));
        });
        if added.is_some() {
            self.count(owner, 1);
        }
    }

    /// Takes a node out, with all below it.
    pub fn remove(&mut self, path: &Path, generation: u64) -> Option<Arc<Node>> {
        let (parent, name) = path.split_last()?;
        self.get(path)?;
        let removed = self.modify(&parent, generation, |parent| parent.children.remove(name))??;
        self.discount(&removed);
        Some(removed)
    }

    /// The paths of all nodes for which `wanted` holds; below such a node the search goes on only
    /// if `deeper` is set.
    #[must_use]
    pub fn find(&self, deeper: bool, wanted: &dyn Fn(&Node) -> bool) -> Vec<Path> {
        let mut found = Vec::new();
        search(&self.root, &Path::root(), deeper, wanted, &mut found);
        found
    }

    fn discount(&mut self, node: &Node) {
        self.count(node.permissions.owner(), -1);
        for child in node.children.values() {
            self.discount(child);
        }
    }

    fn count(&mut self, owner: DomId, difference: isize) {
        let count = self.owned.entry(owner).or_insert(0);
        *count = count.saturating_add_signed(difference);
        if *count == 0 {
            self.owned.remove(&owner);
        }
    }
}

fn search(
    node: &Node,
    path: &Path,
    deeper: bool,
    wanted: &dyn Fn(&Node) -> bool,
    found: &mut Vec<Path>,
) {
    let hit = wanted(node);
    if hit {
        found.push(path.clone());
    }
    if hit && !deeper {
        return;
    }
    for (name, child) in &node.children {
        search(child, &path.child(name), deeper, wanted, found);
    }
}
