// SPDX-License-Identifier: MIT OR Apache-2.0
//! References of L1 entries.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;

use super::{Machine, PageType, PageTypes, Stop};
use crate::page_table::{Entry, Level};

impl<M: Machine> PageTypes<'_, M> {
    /// Whether a guest's leaf, if it is present, has only bits that a leaf of `table_owner` may
    /// have; `EINVAL` if not.
    #[inline]
    pub(super) fn check_leaf(&self, entry: Entry, table_owner: DomId) -> Result<(), Stop> {
        if !entry.is_present() {
            return Ok(());
        }
        let cache = entry.has_cache_bits() && self.machine.cache_control_permitted(table_owner);
        if entry.is_allowed(Level::L1, cache) { Ok(()) } else { Err(Errno::Einval.into()) }
    }

    /// Takes the references of a checked leaf in a table of `table_owner`, whose target belongs to
    /// `page_owner` ([`DomId::IO`]: device memory). That `table_owner` may map frames of
    /// `page_owner` is for the caller to know. Returns what is stored for the leaf.
    ///
    /// # Errors
    /// As Xen: `EINVAL` for no frame, `EPERM` for device memory without permission, `EBUSY` for
    /// frames of others and for a writable mapping of a frame in another use.
    #[inline]
    pub(super) fn get_leaf(
        &self,
        entry: Entry,
        table_owner: DomId,
        page_owner: DomId,
    ) -> Result<Entry, Stop> {
        if !entry.is_present() {
            return Ok(entry);
        }
        let mfn = entry.mfn();
        // Device memory takes no references.
        let Some(page) = self.table.get_page(mfn, page_owner) else {
            return self.get_io_leaf(entry, table_owner, page_owner);
        };
        if entry.is_writable()
            && let Err(stop) = self.take_type(mfn, page, PageType::Writable)
        {
            self.drop_page(mfn, page);
            return Err(match stop {
                Stop::Refused(_) => Errno::Ebusy.into(),
                Stop::Preempted => stop,
            });
        }
        Ok(memory_leaf(entry))
    }

    /// The same for a leaf whose target is no memory of `page_owner`.
    #[cold]
    #[inline(never)]
    fn get_io_leaf(
        &self,
        entry: Entry,
        table_owner: DomId,
        page_owner: DomId,
    ) -> Result<Entry, Stop> {
        if !self.table.is_io(entry.mfn()) {
            return Err(Errno::Ebusy.into());
        }
        self.check_io(entry.mfn(), table_owner, page_owner)?;
        Ok(self.io_leaf(entry))
    }

    /// What is stored for a guest's leaf.
    pub(super) fn stored_leaf(&self, entry: Entry) -> Entry {
        if entry.is_present() && self.table.is_io(entry.mfn()) {
            self.io_leaf(entry)
        } else {
            memory_leaf(entry)
        }
    }

    /// What is stored for a leaf of device memory: some is not written.
    fn io_leaf(&self, entry: Entry) -> Entry {
        let entry = entry.adjusted(Level::L1);
        let fixed = entry.is_writable() && self.machine.io_read_only(entry.mfn());
        if fixed { entry.read_only() } else { entry }
    }

    fn check_io(&self, mfn: Mfn, table_owner: DomId, page_owner: DomId) -> Result<(), Stop> {
        let who = if page_owner == DomId::IO { table_owner } else { page_owner };
        let permitted = |domain| self.machine.io_permitted(domain, mfn);
        if permitted(who) && permitted(table_owner) {
            Ok(())
        } else if mfn == Entry::INVALID_MFN {
            Err(Errno::Einval.into())
        } else {
            Err(Errno::Eperm.into())
        }
    }

    /// Drops the references of a leaf.
    #[inline]
    pub(super) fn put_leaf(&self, entry: Entry) {
        if !entry.is_present() {
            return;
        }
        let mfn = entry.mfn();
        let Some(page) = self.table.get(mfn) else { return };
        if page.state().is_io() {
            return;
        }
        if entry.is_writable() {
            self.drop_writable(page);
        }
        self.drop_page(mfn, page);
    }
}

/// What is stored for a guest's leaf of memory, or one that is not present: memory is always cached
/// in the usual way, since the hypervisor maps it so too.
const fn memory_leaf(entry: Entry) -> Entry {
    let entry = entry.adjusted(Level::L1);
    if entry.is_present() { entry.without_cache_bits() } else { entry }
}
