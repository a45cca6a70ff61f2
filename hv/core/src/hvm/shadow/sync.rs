// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which tables of the guest may differ from their shadows, and until when.
//!
//! A table out of sync is one that the guest writes to. What its shadow still says is what a
//! processor may have in its TLB and in its caches of upper levels (Intel SDM volume 3, 4.10), so
//! the guest cannot tell before it asks for a flush.
use heapless::Vec;
use xen_abi::frame::Mfn;

use super::guest_entry::Target;
use super::key::{Key, Role};
use super::pool::Table;
use super::{Guest, Shadow};
use crate::frame_memory::FrameMemory;
use crate::hvm::paging::Paging;
use crate::page_table::{ENTRIES, Entry};

/// Tables that may be out of sync at once: more than an instruction writes to, and few enough to
/// compare all of them at a flush.
const MOST: usize = 8;

/// The frames of the tables that are out of sync, oldest first.
#[derive(Debug, Default)]
pub(super) struct OutOfSync(Vec<Mfn, MOST>);

impl OutOfSync {
    pub(super) fn contains(&self, frame: Mfn) -> bool {
        self.0.contains(&frame)
    }

    pub(super) fn remove(&mut self, frame: Mfn) {
        self.0.retain(|other| *other != frame);
    }

    /// Adds a frame; returns the oldest if there are too many.
    fn push(&mut self, frame: Mfn) -> Option<Mfn> {
        let oldest = self.0.first().copied().filter(|_| self.0.is_full());
        self.0.retain(|other| Some(*other) != oldest);
        // There is room now.
        let _ = self.0.push(frame);
        oldest
    }
}

impl Shadow {
    /// The hypervisor itself has written to a frame of the guest.
    pub fn wrote<M: FrameMemory>(&mut self, guest: &Guest<'_, M>, frame: Mfn) {
        if self.is_table(guest.memory, frame) && !self.out_of_sync.contains(frame) {
            self.take_out_of_sync(guest, frame);
        }
    }

    /// The guest flushes all translations: every table is in sync again.
    pub fn synchronize<M: FrameMemory>(&mut self, guest: &Guest<'_, M>) {
        while let Some(frame) = self.out_of_sync.0.pop() {
            self.bring_back(guest, frame);
        }
    }

    /// The guest flushes the translation of `address`, and with it the caches of upper levels.
    pub fn invalidate_page<M: FrameMemory>(
        &mut self,
        guest: &Guest<'_, M>,
        paging: &Paging,
        address: u64,
    ) {
        for frame in self.out_of_sync.0.clone() {
            self.compare_all(guest, frame, |key| key.level > 1);
        }
        let Target::Table(mut key) = guest.root(Role::of(paging), paging.cr3, address) else {
            return;
        };
        let Some(mut table) = self.pool.find(guest.memory, &key) else { return };
        while let Some(below) = self.compare(guest, (table, &key), key.slot(address)) {
            (table, key) = below;
        }
    }

    /// The guest may write to the frame of a table from now on.
    pub(super) fn take_out_of_sync<M: FrameMemory>(&mut self, guest: &Guest<'_, M>, frame: Mfn) {
        if let Some(oldest) = self.out_of_sync.push(frame) {
            self.bring_back(guest, oldest);
        }
    }

    fn bring_back<M: FrameMemory>(&mut self, guest: &Guest<'_, M>, frame: Mfn) {
        self.compare_all(guest, frame, |_| true);
        self.protect(guest.memory, frame);
    }

    /// Makes a frame read-only in all shadows.
    pub(super) fn protect<M: FrameMemory>(&mut self, memory: &M, frame: Mfn) {
        self.pool.for_each_naming(memory, frame, |pool, table, slot, entry| {
            pool.set(memory, table, slot, entry.read_only());
        });
    }

    /// Compares the shadows of a frame that `which` chooses with the table in it.
    fn compare_all<M: FrameMemory>(
        &mut self,
        guest: &Guest<'_, M>,
        frame: Mfn,
        which: impl Fn(&Key) -> bool,
    ) {
        let mut last = None;
        while let Some((table, key)) = self.pool.shadow_of(guest.memory, frame, last) {
            if which(&key) {
                for slot in 0..ENTRIES {
                    self.compare(guest, (table, &key), slot);
                }
            }
            last = Some(table);
        }
    }

    /// Takes an entry away that is no longer true. Returns the table that one names which stays.
    fn compare<M: FrameMemory>(
        &mut self,
        guest: &Guest<'_, M>,
        (table, key): (Table, &Key),
        slot: u64,
    ) -> Option<(Table, Key)> {
        let entry = self.pool.get(guest.memory, table, slot);
        if !entry.is_present() {
            return None;
        }
        match guest.wanted(key, slot) {
            Target::Table(next) => {
                let below = self.pool.table_in(entry.mfn());
                let below = below.filter(|below| {
                    self.pool.key(guest.memory, *below).is_some_and(|key| key == next)
                });
                if let Some(below) = below {
                    return Some((below, next));
                }
            }
            Target::Page(gfn, rights) if Self::is_true(guest, key, (gfn, rights), entry) => {
                return None;
            }
            _ => {}
        }
        self.pool.set(guest.memory, table, slot, Entry::EMPTY);
        None
    }
}
