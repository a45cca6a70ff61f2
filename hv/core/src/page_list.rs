// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`PageList`]: the frames of a domain, linked through the frame table.
use xen_abi::frame::Mfn;

use crate::frame_table::FrameTable;
use crate::page_info::Link;

#[cfg(test)]
mod tests;

/// A doubly linked list of frames. A frame is on one list at a time.
#[derive(Debug, Default)]
pub struct PageList {
    head: Link,
    tail: Link,
    len: u64,
}

impl PageList {
    /// No frames.
    #[must_use]
    pub const fn new() -> Self {
        Self { head: Link::none(), tail: Link::none(), len: 0 }
    }

    /// Number of frames.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first frame.
    #[must_use]
    pub fn first(&self) -> Option<Mfn> {
        self.head.get()
    }

    /// Appends a frame that is on no list.
    pub fn push_back(&mut self, table: FrameTable<'_>, mfn: Mfn) {
        let page = table.frame(mfn);
        let tail = self.tail.get();
        page.prev().set(tail);
        page.next().set(None);
        let before = tail.map_or(&self.head, |tail| table.frame(tail).next());
        before.set(Some(mfn));
        self.tail.set(Some(mfn));
        self.len = self.len.saturating_add(1);
    }

    /// Takes a frame off this list, which must hold it.
    pub fn remove(&mut self, table: FrameTable<'_>, mfn: Mfn) {
        let page = table.frame(mfn);
        let (prev, next) = (page.prev().get(), page.next().get());
        prev.map_or(&self.head, |prev| table.frame(prev).next()).set(next);
        next.map_or(&self.tail, |next| table.frame(next).prev()).set(prev);
        page.prev().set(None);
        page.next().set(None);
        self.len = self.len.saturating_sub(1);
    }

    /// Moves the first frame to the end and returns it: a bounded walk that keeps its place in
    /// the list itself.
    pub fn rotate(&mut self, table: FrameTable<'_>) -> Option<Mfn> {
        let first = self.head.get()?;
        self.remove(table, first);
        self.push_back(table, first);
        Some(first)
    }

    /// The frames, first to last. The list must not change meanwhile.
    pub fn iter<'a>(&self, table: FrameTable<'a>) -> impl Iterator<Item = Mfn> + use<'a> {
        core::iter::successors(self.head.get(), move |mfn| table.frame(*mfn).next().get())
    }
}
