// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`PageTypes`]: the rules of direct paging (`docs` of Xen call it the type system of frames).
//!
//! A guest writes its own page tables' contents, but a frame becomes a table only after every
//! entry was checked, and changes afterwards only through [`PageTypes::update_entry`]. What keeps
//! that true is counting: each present entry holds references on what it points at, and a frame
//! has one type as long as its type count is above 0. So a table is never mapped writable, and a
//! frame that is mapped writable never becomes a table.
//!
//! | entry                | general reference | type reference        |
//! |----------------------|-------------------|-----------------------|
//! | leaf, read-only      | yes               | none                  |
//! | leaf, writable       | yes               | [`PageType::Writable`]|
//! | L2 to L4             | yes               | table of the level below |
//! | its own table        | none              | none, and read-only   |
//! | leaf, device memory  | none              | none                  |
//!
//! **Bounded work.** Checking recurses over the four levels only; taking apart does not recurse:
//! tables out of use wait in their owner's [`WorkQueue`]. Both stop with [`Stop::Preempted`] when
//! the budget is spent, and whatever was done until then is described by the frame itself: a
//! *partial* frame is unused, and its first `progress` entries hold references. Whoever needs
//! the frame next goes on, or takes it apart. So nothing hangs on the caller coming back.
mod get;
mod grant;
mod leaf;
mod machine;
mod pin;
mod put;
mod update;
mod work_queue;

#[cfg(test)]
pub(crate) mod tests;

pub use crate::page_info::PageType;
pub use machine::Machine;
pub use update::Update;
pub use work_queue::WorkQueue;

use core::cell::Cell;

use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;

use crate::frame_table::FrameTable;
use crate::page_info::{PageInfo, Put};

/// Table entries one hypercall may look at: those of 32 tables, well below a millisecond.
pub const BUDGET: u32 = 32 * 512;

/// Why an operation did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It may not; the guest gets this.
    Refused(Errno),
    /// The budget is spent: the same operation is to be tried again, after others had a turn.
    Preempted,
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        Self::Refused(errno)
    }
}

/// The operations of one hypercall on frames and page tables.
#[derive(Debug)]
pub struct PageTypes<'m, M> {
    machine: &'m M,
    table: FrameTable<'m>,
    budget: Cell<u32>,
}

impl<'m, M: Machine> PageTypes<'m, M> {
    /// Starts with a fresh budget of `entries` table entries, at least a few tables' worth.
    #[must_use]
    #[inline]
    pub fn new(machine: &'m M, entries: u32) -> Self {
        Self { machine, table: machine.frame_table(), budget: Cell::new(entries) }
    }

    /// The machine below.
    #[must_use]
    pub const fn machine(&self) -> &'m M {
        self.machine
    }

    /// Takes `entries` from the budget, which may end at 0.
    pub fn spend(&self, entries: u32) {
        self.budget.set(self.budget.get().saturating_sub(entries));
    }

    /// Whether the budget is spent.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.budget.get() == 0
    }

    fn page(&self, mfn: Mfn) -> &PageInfo {
        self.table.frame(mfn)
    }

    /// Takes a general reference on a frame of `owner`; [`Self::put_page`] drops it.
    ///
    /// # Errors
    /// `EINVAL` where it is not the owner's.
    pub fn get_page(&self, mfn: Mfn, owner: DomId) -> Result<(), Errno> {
        self.table.get_page(mfn, owner).map(|_| ()).ok_or(Errno::Einval)
    }

    /// Drops a general reference, and frees the frame if it was the last.
    pub fn put_page(&self, mfn: Mfn) {
        self.drop_page(mfn, self.page(mfn));
    }

    /// The same for the frame of `page`.
    #[inline]
    fn drop_page(&self, mfn: Mfn, page: &PageInfo) {
        if let Put::Last(owner) = page.put() {
            self.release(mfn, page, owner);
        }
    }

    #[inline(never)]
    fn release(&self, mfn: Mfn, page: &PageInfo, owner: DomId) {
        page.set_tlb_stamp(self.machine.tlb_clock());
        self.machine.release(owner, mfn);
    }

    /// Drops a type reference and a general reference.
    pub fn put_page_and_type(&self, mfn: Mfn) {
        let page = self.page(mfn);
        self.drop_type(mfn, page);
        self.drop_page(mfn, page);
    }

    /// Drops what [`Self::get_writable`] took.
    #[inline]
    pub fn put_writable(&self, mfn: Mfn) {
        let page = self.page(mfn);
        self.drop_writable(page);
        self.drop_page(mfn, page);
    }

    /// Lets go of a frame that the hypervisor shares ([`crate::frame_table::FrameTable::share`]).
    ///
    /// # Panics
    /// If it is not shared, or no longer.
    pub fn unshare(&self, mfn: Mfn) {
        assert!(self.page(mfn).take_sharing(), "unshared a frame that is not shared");
        self.put_page_and_type(mfn);
    }

    /// Flushes TLBs that may hold an earlier use of the frame.
    fn flush_earlier_use(&self, page: &PageInfo) {
        if page.tlb_stamp() == self.machine.tlb_clock() {
            self.machine.flush_tlb();
        }
    }
}
