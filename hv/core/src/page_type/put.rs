// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dropping type references; taking tables apart after the last.
use xen_abi::domain::DomId;
use xen_abi::frame::Mfn;

use super::{Machine, PageType, PageTypes, Stop};
use crate::page_info::{PageInfo, TypeWord};
use crate::page_table::{ENTRIES, Entry, Level, entry_at, is_hypervisor_slot};

impl<M: Machine> PageTypes<'_, M> {
    /// Drops a type reference. A table that goes out of use is queued; [`Self::settle_all`] takes
    /// it apart.
    ///
    /// # Panics
    /// If there is no reference to drop.
    pub fn put_type(&self, mfn: Mfn) {
        self.drop_type(mfn, self.page(mfn));
    }

    /// The same for the frame of `page`.
    #[inline]
    pub(super) fn drop_type(&self, mfn: Mfn, page: &PageInfo) {
        match page.update_type(TypeWord::unused_again) {
            Ok(old) if old.count() == 1 => page.set_tlb_stamp(self.machine.tlb_clock()),
            Ok(_) => {}
            Err(_) => self.drop_last_type(mfn, page),
        }
    }

    /// The same for a use as [`PageType::Writable`].
    #[inline]
    pub(super) fn drop_writable(&self, page: &PageInfo) {
        if page.put_writable() == 0 {
            page.set_tlb_stamp(self.machine.tlb_clock());
        }
    }

    /// Drops the last use of a table or of descriptors.
    fn drop_last_type(&self, mfn: Mfn, page: &PageInfo) {
        let old = page.update_type(|word| {
            let less = word.unused_once()?;
            Some(match word.page_type() {
                PageType::Table(_) if less.count() == 0 => {
                    TypeWord::partial(word.page_type(), ENTRIES).with_queued(true)
                }
                PageType::SegDesc if less.count() == 0 => TypeWord::unused(PageType::SegDesc),
                _ => less,
            })
        });
        assert!(old.is_ok(), "put of an unused type");
        let Ok(old) = old else { return };
        if old.count() > 1 {
            return;
        }
        page.set_tlb_stamp(self.machine.tlb_clock());
        if matches!(old.page_type(), PageType::Table(_)) {
            // The partial frame's reference on itself; the caller's is still there.
            let owner = page.get_any();
            assert!(owner.is_some(), "a table in use without a reference");
            if let Some(owner) = owner {
                self.machine.push_work(owner, mfn);
            }
        }
    }

    /// Takes apart the tables of `owner` that are out of use.
    ///
    /// # Errors
    /// [`Stop::Preempted`] when some are left.
    pub fn settle_all(&self, owner: DomId) -> Result<(), Stop> {
        self.settle_any(owner).map(|_| ())
    }

    /// The same; says whether there were any.
    pub(super) fn settle_any(&self, owner: DomId) -> Result<bool, Stop> {
        let mut any = false;
        while let Some(mfn) = self.machine.pop_work(owner) {
            if self.is_spent() {
                self.machine.push_work(owner, mfn);
                return Err(Stop::Preempted);
            }
            self.take_apart(mfn);
            any = true;
        }
        Ok(any)
    }

    /// If the frame is unused but partial, takes it apart.
    ///
    /// # Errors
    /// [`Stop::Preempted`].
    pub fn settle(&self, mfn: Mfn) -> Result<(), Stop> {
        let page = self.page(mfn);
        let owner = page.state().owner();
        let old = page.update_type(|word| {
            let waits = word.is_partial() && word.count() == 0;
            (waits && !word.is_queued()).then(|| word.with_queued(true))
        });
        match old {
            Ok(_) => self.machine.push_work(owner, mfn),
            Err(word) if !word.is_partial() => return Ok(()),
            Err(_) => {}
        }
        self.settle_all(owner)
    }

    /// Drops the references of a queued table's entries.
    fn take_apart(&self, mfn: Mfn) {
        let page = self.page(mfn);
        let word = page.type_word();
        let PageType::Table(level) = word.page_type() else { return };
        self.spend(512);
        for slot in (0..word.progress()).rev() {
            if level == Level::L4 && is_hypervisor_slot(slot) {
                self.machine.write_u64(entry_at(mfn, slot), 0);
            } else {
                self.put_entry(self.read_entry(mfn, slot), level, mfn);
            }
        }
        let ours = page.exchange_type(word, TypeWord::unused(word.page_type()));
        assert!(ours, "a queued table was used");
        page.set_tlb_stamp(self.machine.tlb_clock());
        self.put_page(mfn);
    }

    /// Drops the references that an entry in the table `own` of `level` holds.
    pub(super) fn put_entry(&self, entry: Entry, level: Level, own: Mfn) {
        if level == Level::L1 {
            self.put_leaf(entry);
        } else if entry.is_present() && entry.mfn() != own {
            self.put_page_and_type(entry.mfn());
        }
    }
}
