// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`WorkQueue`]: tables out of use whose entries still hold references.
use xen_abi::frame::Mfn;

use crate::frame_table::FrameTable;
use crate::page_info::Link;

/// A stack of frames, linked through the frame table. Each domain has one.
#[derive(Debug, Default)]
pub struct WorkQueue {
    head: Link,
}

impl WorkQueue {
    /// No work.
    #[must_use]
    pub const fn new() -> Self {
        Self { head: Link::none() }
    }

    /// Whether there is no work.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head.get().is_none()
    }

    /// Adds a frame that is not in it. The caller holds the domain's page lock.
    pub fn push(&self, table: FrameTable<'_>, mfn: Mfn) {
        table.frame(mfn).work.set(self.head.get());
        self.head.set(Some(mfn));
    }

    /// Takes the frame added last. The caller holds the domain's page lock.
    pub fn pop(&self, table: FrameTable<'_>) -> Option<Mfn> {
        let mfn = self.head.get()?;
        let page = table.frame(mfn);
        self.head.set(page.work.get());
        page.work.set(None);
        Some(mfn)
    }
}
