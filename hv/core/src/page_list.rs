// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`PageList`]: the frames of a domain, linked through the frame table.
use xen_abi::frame::Mfn;

use crate::frame_table::FrameTable;

#[cfg(test)]
mod tests;

/// A doubly linked list of frames. A frame is on one list at a time.
#[derive(Debug, Default)]
pub struct PageList {
    head: Option<Mfn>,
    tail: Option<Mfn>,
    len: u64,
}

impl PageList {
    /// No frames.
    #[must_use]
    pub const fn new() -> Self {
        Self { head: None, tail: None, len: 0 }
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
    pub const fn first(&self) -> Option<Mfn> {
        self.head
    }

    /// Appends a frame that is on no list.
    pub fn push_back(&mut self, table: FrameTable<'_>, mfn: Mfn) {
        let page = table.frame(mfn);
        page.prev().set(self.tail);
        page.next().set(None);
        match self.tail {
            Some(tail) => table.frame(tail).next().set(Some(mfn)),
            None => self.head = Some(mfn),
        }
        self.tail = Some(mfn);
        self.len = self.len.saturating_add(1);
    }

    /// Takes a frame off this list, which must hold it.
    pub fn remove(&mut self, table: FrameTable<'_>, mfn: Mfn) {
        let page = table.frame(mfn);
        let (prev, next) = (page.prev().get(), page.next().get());
        match prev {
            Some(prev) => table.frame(prev).next().set(next),
            None => self.head = next,
        }
        match next {
            Some(next) => table.frame(next).prev().set(prev),
            None => self.tail = prev,
        }
        page.prev().set(None);
        page.next().set(None);
        self.len = self.len.saturating_sub(1);
    }

    /// Moves the first frame to the end and returns it: a bounded walk that keeps its place in
    /// the list itself.
    pub fn rotate(&mut self, table: FrameTable<'_>) -> Option<Mfn> {
        let first = self.head?;
        self.remove(table, first);
        self.push_back(table, first);
        Some(first)
    }

    /// The frames, first to last. The list must not change meanwhile.
    pub fn iter<'a>(&self, table: FrameTable<'a>) -> impl Iterator<Item = Mfn> + use<'a> {
        core::iter::successors(self.head, move |mfn| table.frame(*mfn).next().get())
    }
}
