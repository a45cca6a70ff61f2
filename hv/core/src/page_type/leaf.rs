// SPDX-License-Identifier: MIT OR Apache-2.0
//! References of L1 entries.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;

use super::{Machine, PageType, PageTypes, Stop};
use crate::page_info::PageInfo;
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
        let Some(page) = self.memory(mfn) else {
            return self.check_io(mfn, table_owner, page_owner);
        };
        if !page.get(page_owner) {
            return Err(Errno::Ebusy.into());
        }
        if !entry.is_writable() {
            return Ok(());
        }
        self.take_type(mfn, page, PageType::Writable).map_err(|stop| {
            self.drop_page(mfn, page);
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
        if !entry.is_present() {
            return;
        }
        let mfn = entry.mfn();
        let Some(page) = self.memory(mfn) else { return };
        if entry.is_writable() {
            self.drop_type(mfn, page);
        }
        self.drop_page(mfn, page);
    }

    /// The bookkeeping of a frame; `None` for device memory.
    fn memory(&self, mfn: Mfn) -> Option<&PageInfo> {
        self.machine.frame_table().get(mfn).filter(|page| !page.state().is_io())
    }
}
