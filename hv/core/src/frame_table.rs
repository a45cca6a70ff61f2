// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`FrameTable`]: the bookkeeping of all machine frames, by frame number.
use xen_abi::domain::DomId;
use xen_abi::frame::Mfn;

use crate::page_info::{PageInfo, State};

/// The frame table. A copy of it is a copy of the reference.
#[derive(Clone, Copy, Debug)]
pub struct FrameTable<'a> {
    pages: &'a [PageInfo],
}

impl<'a> FrameTable<'a> {
    /// The table for frames 0 to `pages.len() - 1`. Zeroed entries are the hypervisor's own
    /// frames: boot says what is device memory ([`State::IO`]) and gives free memory to
    /// [`crate::buddy::Buddy`].
    #[must_use]
    pub const fn new(pages: &'a [PageInfo]) -> Self {
        Self { pages }
    }

    /// Number of frames covered.
    #[must_use]
    pub const fn len(self) -> u64 {
        self.pages.len() as u64
    }

    /// Whether no frame is covered.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.pages.is_empty()
    }

    /// The bookkeeping of a frame; `None` beyond the table (device memory, or nothing).
    #[must_use]
    pub fn get(self, mfn: Mfn) -> Option<&'a PageInfo> {
        self.pages.get(usize::try_from(mfn.get()).ok()?)
    }

    /// The bookkeeping of a frame which the caller knows to be covered.
    ///
    /// # Panics
    /// If it is not: the caller's books are wrong.
    #[must_use]
    pub fn frame(self, mfn: Mfn) -> &'a PageInfo {
        let page = self.get(mfn);
        assert!(page.is_some(), "frame {:#x} is not in the frame table", mfn.get());
        match page {
            Some(page) => page,
            None => unreachable!("asserted"),
        }
    }

    /// Takes a general reference to `mfn` if `owner` owns it.
    #[must_use]
    pub fn get_page(self, mfn: Mfn, owner: DomId) -> Option<&'a PageInfo> {
        self.get(mfn).filter(|page| page.get(owner))
    }

    /// Whether the frame is device memory: not covered, or marked so at boot.
    #[must_use]
    pub fn is_io(self, mfn: Mfn) -> bool {
        self.get(mfn).is_none_or(|page| page.state().is_io())
    }

    /// Marks a frame as device memory, at boot.
    pub fn mark_io(self, mfn: Mfn) {
        if let Some(page) = self.get(mfn) {
            page.set_state(State::IO);
        }
    }

    /// Gives a frame fresh from the allocator to a domain. The caller puts it on the domain's
    /// page list and has flushed the TLB since the frame's [`PageInfo::tlb_stamp`].
    ///
    /// # Panics
    /// If the frame is not the hypervisor's.
    pub fn assign(self, mfn: Mfn, owner: DomId) {
        let page = self.frame(mfn);
        assert!(page.state() == State::HYPERVISOR, "assigned a frame in use");
        page.set_written();
        page.set_state(State::allocated(owner));
    }

    /// Lets a domain map a frame of the hypervisor (shared info, grant table). The hypervisor
    /// writes there, so it holds a reference and a use as [`crate::page_info::PageType::Writable`], which keeps the
    /// frame from becoming a table; it drops them with
    /// [`crate::page_type::PageTypes::unshare`] when the frame is to go.
    ///
    /// # Panics
    /// If the frame is not the hypervisor's.
    pub fn share(self, mfn: Mfn, owner: DomId) {
        let page = self.frame(mfn);
        assert!(page.state() == State::HYPERVISOR, "shared a frame in use");
        page.hold_writable();
        page.set_state(State::shared(owner));
    }
}
