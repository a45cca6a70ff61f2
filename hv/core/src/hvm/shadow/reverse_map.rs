// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`ReverseMap`]: which entries of shadow tables name a frame.
//!
//! Each present entry is a node of a list, which begins at the bucket of the frame that it names.
//! The node's number is the entry's, so that nothing is ever allocated; both neighbours are in a
//! word of their own beside the table.
use super::array::{Array, bucket, pair};
use crate::frame_memory::FrameMemory;
use crate::word::halves;
use xen_abi::frame::Mfn;

/// An entry of a shadow table: its place among all entries of the pool, from 1 on; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node(u32);

impl Node {
    /// Entry `slot` of shadow table `table`; both are in the pool.
    pub(super) const fn new(table: u32, slot: u64) -> Self {
        let [a, b, ..] = slot.to_le_bytes();
        Self((table << 9 | u16::from_le_bytes([a, b]) as u32 & 0x1ff).wrapping_add(1))
    }

    /// The shadow table.
    pub(super) const fn table(self) -> u32 {
        self.0.wrapping_sub(1) >> 9
    }

    /// The entry's place in it.
    pub(super) const fn slot(self) -> u64 {
        (self.0.wrapping_sub(1) & 0x1ff) as u64
    }

    const fn of(number: u32) -> Option<Self> {
        if number == 0 { None } else { Some(Self(number)) }
    }

    fn number(node: Option<Self>) -> u32 {
        node.map_or(0, |node| node.0)
    }

    fn index(self) -> u64 {
        u64::from(self.0).wrapping_sub(1)
    }
}

/// The lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReverseMap {
    heads: Array,
    buckets: u64,
    /// Previous and next node of each.
    links: Array,
}

impl ReverseMap {
    pub(super) const fn new(heads: Array, buckets: u64, links: Array) -> Self {
        Self { heads, buckets, links }
    }

    /// The first node in the list of `mfn`, which has those of other frames too.
    pub(super) fn first<M: FrameMemory>(&self, memory: &M, mfn: Mfn) -> Option<Node> {
        let (first, _) = halves(self.heads.get(memory, bucket(mfn.get(), self.buckets)));
        Node::of(first)
    }

    /// The node behind another.
    pub(super) fn next<M: FrameMemory>(&self, memory: &M, node: Node) -> Option<Node> {
        Node::of(halves(self.links.get(memory, node.index())).1)
    }

    /// An entry names `mfn` now.
    pub(super) fn insert<M: FrameMemory>(&self, memory: &M, mfn: Mfn, node: Node) {
        let next = self.first(memory, mfn);
        self.links.set(memory, node.index(), pair(0, Node::number(next)));
        if let Some(next) = next {
            let (_, behind) = halves(self.links.get(memory, next.index()));
            self.links.set(memory, next.index(), pair(node.0, behind));
        }
        self.heads.set(memory, bucket(mfn.get(), self.buckets), pair(node.0, 0));
    }

    /// An entry no longer names `mfn`.
    pub(super) fn remove<M: FrameMemory>(&self, memory: &M, mfn: Mfn, node: Node) {
        let (previous, next) = halves(self.links.get(memory, node.index()));
        if let Some(next) = Node::of(next) {
            let (_, behind) = halves(self.links.get(memory, next.index()));
            self.links.set(memory, next.index(), pair(previous, behind));
        }
        match Node::of(previous) {
            Some(previous) => {
                let (before, _) = halves(self.links.get(memory, previous.index()));
                self.links.set(memory, previous.index(), pair(before, next));
            }
            None => self.heads.set(memory, bucket(mfn.get(), self.buckets), pair(next, 0)),
        }
    }
}
