// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changing one entry of a table in use (`mmu_update`, `update_va_mapping`).
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Maddr;

use super::{Machine, PageType, PageTypes, Stop};
use crate::descriptor::Descriptor;
use crate::page_info::{PageInfo, TypeWord};
use crate::page_table::{Entry, Level, is_hypervisor_slot};

/// A wish to change an entry.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Where the entry is; a multiple of 8.
    pub at: Maddr,
    /// The entry the guest wants there.
    pub entry: Entry,
    /// Who owns the table.
    pub table_owner: DomId,
    /// Who owns what the entry points at; not the table's owner only for privileged callers.
    pub page_owner: DomId,
    /// Keep the accessed and dirty bits of the old entry.
    pub keep_usage: bool,
}

impl<M: Machine> PageTypes<'_, M> {
    /// Writes an entry into any frame of the table owner: with the rules of its level into a
    /// table in use, as plain data into a frame in no other use.
    ///
    /// # Errors
    /// `EINVAL` where the frame is not the owner's or holds descriptors; as the entry's level.
    pub fn update_entry(&self, update: &Update) -> Result<(), Stop> {
        let mfn = update.at.mfn();
        let page = self.table.get_page(mfn, update.table_owner).ok_or(Errno::Einval)?;
        let result = match use_again(page) {
            Some(PageType::Table(level)) => {
                let result = self.update_in_table(update, level);
                self.put_type(mfn);
                result
            }
            Some(PageType::Writable) => {
                self.machine.write_u64(update.at, update.entry.get());
                self.put_type(mfn);
                Ok(())
            }
            Some(PageType::SegDesc | PageType::None) => {
                self.put_type(mfn);
                Err(Errno::Einval.into())
            }
            None => self.get_type(mfn, PageType::Writable).map(|()| {
                self.machine.write_u64(update.at, update.entry.get());
                self.put_type(mfn);
            }),
        };
        self.put_page(mfn);
        result
    }

    /// Writes an entry into an L1 table in use and nowhere else (`update_va_mapping`).
    ///
    /// # Errors
    /// `EINVAL` where the frame is no L1 table of the owner; as the entry.
    pub fn update_leaf(&self, update: &Update) -> Result<(), Stop> {
        self.in_l1(update.at, update.table_owner, || self.update_l1(update))
    }

    /// The entry at `at` of an L1 table in use of `owner`; `None` where there is no such table.
    #[must_use]
    pub fn l1_entry_of(&self, at: Maddr, owner: DomId) -> Option<Entry> {
        let page = self.table.get(at.mfn())?;
        let word = page.type_word();
        let is_table = word.page_type() == PageType::Table(Level::L1)
            && word.count() > 0
            && word.is_validated()
            && page.state().owner() == owner;
        is_table.then(|| self.entry(at))
    }

    /// Writes a segment descriptor into a frame of `owner` that holds descriptors in use, or is in
    /// no other use than being written.
    ///
    /// # Errors
    /// `EINVAL` for a crooked address, a descriptor a guest may not have, and other frames.
    pub fn update_descriptor(
        &self,
        at: Maddr,
        descriptor: Descriptor,
        owner: DomId,
    ) -> Result<(), Stop> {
        let checked = descriptor.checked().ok_or(Errno::Einval)?;
        if at.get() & 7 != 0 {
            return Err(Errno::Einval.into());
        }
        let mfn = at.mfn();
        let page = self.table.get_page(mfn, owner).ok_or(Errno::Einval)?;
        let in_use = page.type_word().count() > 0
            && matches!(page.type_word().page_type(), PageType::SegDesc);
        let as_type = if in_use { PageType::SegDesc } else { PageType::Writable };
        let result = self.get_type(mfn, as_type).map(|()| {
            self.machine.write_u64(at, checked.get());
            self.put_type(mfn);
        });
        self.put_page(mfn);
        result
    }

    /// Runs `change` while the frame of `at` is held as an L1 table of `owner`.
    #[inline(always)]
    pub(super) fn in_l1(
        &self,
        at: Maddr,
        owner: DomId,
        change: impl FnOnce() -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mfn = at.mfn();
        let page = self.table.get_page(mfn, owner).ok_or(Errno::Einval)?;
        let l1 = PageType::Table(Level::L1);
        let result = match page.update_type(|word| word.used_again(l1)) {
            Ok(_) => {
                let result = change();
                self.drop_type(mfn, page);
                result
            }
            Err(_) => Err(Errno::Einval.into()),
        };
        self.drop_page(mfn, page);
        result
    }

    fn update_in_table(&self, update: &Update, level: Level) -> Result<(), Stop> {
        if level == Level::L1 {
            return self.update_l1(update);
        }
        let mfn = update.at.mfn();
        let slot = update.at.offset() >> 3;
        if update.page_owner != update.table_owner
            || (level == Level::L4 && is_hypervisor_slot(slot))
        {
            return Err(Errno::Einval.into());
        }
        let (old, new) = (self.entry(update.at), update.entry);
        if new.is_present() && !new.is_allowed(level, false) {
            return Err(Errno::Einval.into());
        }
        if old.is_present() && new.is_similar(old) {
            return self.replace(update, old, new.adjusted(level));
        }
        self.get_table(new, level, mfn, update.table_owner)?;
        let result = self.replace(update, old, new.adjusted(level));
        // Of the two entries, the one that did not make it loses its references.
        self.put_entry(if result.is_ok() { old } else { new }, level, mfn);
        result
    }

    #[inline]
    fn update_l1(&self, update: &Update) -> Result<(), Stop> {
        let (old, new) = (self.entry(update.at), update.entry);
        self.check_leaf(new, update.table_owner)?;
        if old.is_present() && new.is_similar(old) {
            return self.replace(update, old, self.stored_leaf(new));
        }
        let stored = self.get_leaf(new, update.table_owner, update.page_owner)?;
        let result = self.replace(update, old, stored);
        self.put_leaf(if result.is_ok() { old } else { new });
        result
    }

    #[inline]
    pub(super) fn entry(&self, at: Maddr) -> Entry {
        Entry::new(self.machine.read_u64(at))
    }

    /// Replaces the entry `old`, of which the processor may meanwhile have changed the accessed
    /// and dirty bits, by `new`.
    ///
    /// # Errors
    /// `EBUSY` where somebody else changed it.
    #[inline]
    fn replace(&self, update: &Update, old: Entry, new: Entry) -> Result<(), Stop> {
        let mut found = old;
        loop {
            let value = if update.keep_usage { new.with_usage_of(found) } else { new };
            let swap = self.machine.compare_exchange_u64(update.at, found.get(), value.get());
            match swap.map_err(Entry::new) {
                Ok(()) => return Ok(()),
                Err(now) if now.equals_but_usage(found) => found = now,
                Err(_) => return Err(Errno::Ebusy.into()),
            }
        }
    }
}

/// Takes one more type reference on a frame in use, and says as what.
fn use_again(page: &PageInfo) -> Option<PageType> {
    let again = |word: TypeWord| {
        let in_use = word.count() > 0 && word.is_validated();
        if in_use { word.used() } else { None }
    };
    page.update_type(again).ok().map(TypeWord::page_type)
}
