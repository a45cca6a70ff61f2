// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking type references; checking contents before the first.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;

use super::{Machine, PageType, PageTypes, Stop};
use crate::descriptor::Descriptor;
use crate::page_info::{PageInfo, TypeWord};
use crate::page_table::{ENTRIES, Entry, Level, entry_at, is_hypervisor_slot};

impl<M: Machine> PageTypes<'_, M> {
    /// Takes a type reference on a frame on which the caller holds a general reference.
    ///
    /// # Errors
    /// `EINVAL` where the frame is in use as another type, or what its contents are refused
    /// with; [`Stop::Preempted`].
    pub fn get_type(&self, mfn: Mfn, wanted: PageType) -> Result<(), Stop> {
        self.take_type(mfn, self.page(mfn), wanted)
    }

    /// The same for the frame of `page`.
    #[inline]
    pub(super) fn take_type(
        &self,
        mfn: Mfn,
        page: &PageInfo,
        wanted: PageType,
    ) -> Result<(), Stop> {
        match page.update_type(|word| word.used_again(wanted)) {
            Ok(_) => Ok(()),
            Err(_) => self.take_other_type(mfn, page, wanted),
        }
    }

    /// The same for a frame that has another type, or must be checked.
    fn take_other_type(&self, mfn: Mfn, page: &PageInfo, wanted: PageType) -> Result<(), Stop> {
        loop {
            let word = page.type_word();
            if word.count() > 0 {
                if word.page_type() != wanted || !word.is_validated() {
                    // The use may be that of a table which is out of use itself.
                    if self.settle_any(page.state().owner())? {
                        continue;
                    }
                    return Err(Errno::Einval.into());
                }
                let more = word.used().ok_or(Errno::Ebusy)?;
                if page.exchange_type(word, more) {
                    return Ok(());
                }
                continue;
            }
            if word.is_partial() && (word.is_queued() || word.page_type() != wanted) {
                self.settle(mfn)?;
                if page.type_word().is_partial() {
                    return Err(Errno::Ebusy.into());
                }
                continue;
            }
            if wanted.is_validated() && self.is_spent() {
                return Err(Stop::Preempted);
            }
            if word.page_type() != wanted {
                self.flush_earlier_use(page);
            }
            if !page.exchange_type(word, TypeWord::first_use(wanted, !wanted.is_validated())) {
                continue;
            }
            if wanted.is_validated() {
                return self.validate(mfn, page, wanted, word);
            }
            return Ok(());
        }
    }

    /// Takes a general and a type reference on a frame of `owner`.
    ///
    /// # Errors
    /// `EINVAL` where it is not the owner's; as [`Self::get_type`].
    pub fn get_page_and_type(&self, mfn: Mfn, owner: DomId, wanted: PageType) -> Result<(), Stop> {
        let page = self.table.get_page(mfn, owner).ok_or(Errno::Einval)?;
        self.take_type(mfn, page, wanted).inspect_err(|_| self.drop_page(mfn, page))
    }

    /// Checks the contents of a frame whose first use was just entered; `before` is the type word
    /// before that, which may hold the progress of an earlier attempt.
    fn validate(
        &self,
        mfn: Mfn,
        page: &PageInfo,
        wanted: PageType,
        before: TypeWord,
    ) -> Result<(), Stop> {
        let owner = page.state().owner();
        let mut done = if before.is_partial() { before.progress() } else { 0 };
        let result = match wanted {
            PageType::Table(Level::L1) => self.validate_leaves(mfn, owner, &mut done),
            PageType::Table(level) => self.validate_tables(mfn, owner, level, &mut done),
            PageType::SegDesc => self.validate_descriptors(mfn),
            PageType::None | PageType::Writable => Ok(()),
        };
        let after = match result {
            Ok(()) => TypeWord::first_use(wanted, true),
            Err(_) if done == 0 => TypeWord::unused(wanted),
            Err(Stop::Preempted) => TypeWord::partial(wanted, done),
            Err(Stop::Refused(_)) => TypeWord::partial(wanted, done).with_queued(true),
        };
        // A partial frame holds a general reference on itself.
        if after.is_partial() && !before.is_partial() {
            let held = page.get_any();
            assert!(held.is_some(), "validated a frame without a reference");
        }
        let ours = page.exchange_type(TypeWord::first_use(wanted, false), after);
        assert!(ours, "a frame changed its type while it was checked");
        if after.is_queued() {
            self.machine.push_work(owner, mfn);
        }
        if before.is_partial() && !after.is_partial() {
            self.put_page(mfn);
        }
        result
    }

    fn validate_leaves(&self, table: Mfn, owner: DomId, done: &mut u64) -> Result<(), Stop> {
        self.spend(512);
        for slot in *done..ENTRIES {
            let entry = self.read_entry(table, slot);
            self.check_leaf(entry, owner)?;
            let stored = self.get_leaf(entry, owner, owner)?;
            self.store_changed(table, slot, entry, stored);
            *done = slot.saturating_add(1);
        }
        Ok(())
    }

    fn validate_tables(
        &self,
        table: Mfn,
        owner: DomId,
        level: Level,
        done: &mut u64,
    ) -> Result<(), Stop> {
        self.spend(512);
        for slot in *done..ENTRIES {
            if level == Level::L4 && is_hypervisor_slot(slot) {
                let ours = self.machine.hypervisor_entry(slot);
                self.machine.write_u64(entry_at(table, slot), ours);
            } else {
                let entry = self.read_entry(table, slot);
                self.get_table(entry, level, table, owner)?;
                self.store_changed(table, slot, entry, entry.adjusted(level));
            }
            *done = slot.saturating_add(1);
        }
        Ok(())
    }

    fn validate_descriptors(&self, frame: Mfn) -> Result<(), Stop> {
        self.spend(512);
        for slot in 0..ENTRIES {
            let raw = self.machine.read_u64(entry_at(frame, slot));
            let checked = Descriptor::new(raw).checked().ok_or(Errno::Einval)?;
            if checked.get() != raw {
                self.machine.write_u64(entry_at(frame, slot), checked.get());
            }
        }
        Ok(())
    }

    /// Takes the references of an entry of `level` (L2 to L4) in the table `own` of `owner`.
    ///
    /// An entry may point at its own table, read-only: it takes no reference, since a table that
    /// kept itself alive would never go. Other tables of the same level are refused.
    pub(super) fn get_table(
        &self,
        entry: Entry,
        level: Level,
        own: Mfn,
        owner: DomId,
    ) -> Result<(), Stop> {
        if !entry.is_present() {
            return Ok(());
        }
        let below = level.below().ok_or(Errno::Einval)?;
        if !entry.is_allowed(level, false) {
            return Err(Errno::Einval.into());
        }
        if entry.mfn() == own {
            let refused = Err(Errno::Einval.into());
            return if entry.is_writable() { refused } else { Ok(()) };
        }
        self.get_page_and_type(entry.mfn(), owner, PageType::Table(below))
    }

    pub(super) fn read_entry(&self, table: Mfn, slot: u64) -> Entry {
        Entry::new(self.machine.read_u64(entry_at(table, slot)))
    }

    fn store_changed(&self, table: Mfn, slot: u64, entry: Entry, stored: Entry) {
        if stored != entry {
            self.machine.write_u64(entry_at(table, slot), stored.get());
        }
    }
}
