// SPDX-License-Identifier: MIT OR Apache-2.0
//! References of L1 entries.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;

use super::{Machine, PageType, PageTypes, Stop};
use crate::page_table::{Entry, Level};

impl<M: Machine> PageTypes<'_, M> {
    /// Takes the references of a leaf in a table of `table_owner`, whose target belongs to
    /// `page_owner` ([`DomId::IO`]: device memory). That `table_owner` may map frames of
    /// `page_owner` is for the caller to know.
    ///
    /// # Errors
    /// As Xen: `EINVAL` for bits that may not be set and for no frame, `EPERM` for device memory
    /// without permission, `EBUSY` for frames of others and for a writable mapping of a frame in
    /// another use.
    pub(super) fn get_leaf(
        &self,
        entry: Entry,
        table_owner: DomId,
        page_owner: DomId,
    ) -> Result<(), Stop> {
        if !entry.is_present() {
            return Ok(());
        }
        let cache = entry.has_cache_bits() && self.machine.cache_control_permitted(table_owner);
        if !entry.is_allowed(Level::L1, cache) {
            return Err(Errno::Einval.into());
        }
        let mfn = entry.mfn();
        let table = self.machine.frame_table();
        if table.is_io(mfn) {
            return self.check_io(mfn, table_owner, page_owner);
        }
        table.get_page(mfn, page_owner).ok_or(Errno::Ebusy)?;
        if !entry.is_writable() {
            return Ok(());
        }
        self.get_type(mfn, PageType::Writable).map_err(|stop| {
            self.put_page(mfn);
            match stop {
                Stop::Refused(_) => Errno::Ebusy.into(),
                Stop::Preempted => stop,
            }
        })
    }

    /// What is stored for a guest's leaf: memory is always cached in the usual way, since the
    /// hypervisor maps it so too, and some device memory is not written.
    pub(super) fn stored_leaf(&self, entry: Entry) -> Entry {
        let entry = entry.adjusted(Level::L1);
        if !entry.is_present() {
            return entry;
        }
        let is_io = self.machine.frame_table().is_io(entry.mfn());
        if is_io && entry.is_writable() && self.machine.io_read_only(entry.mfn()) {
            entry.read_only()
        } else if !is_io && entry.has_cache_bits() {
            entry.without_cache_bits()
        } else {
            entry
        }
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
    pub(super) fn put_leaf(&self, entry: Entry) {
        if !entry.is_present() || self.machine.frame_table().is_io(entry.mfn()) {
            return;
        }
        if entry.is_writable() {
            self.put_type(entry.mfn());
        }
        self.put_page(entry.mfn());
    }
}
