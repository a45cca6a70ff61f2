// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the shadow gives no more than it may (debug builds).
use xen_abi::frame::{Gfn, Mfn};

use super::guest_entry::Target;
use super::key::Key;
use super::{Guest, Shadow};
use crate::frame_memory::FrameMemory;
use crate::page_table::{ENTRIES, Entry};

/// An entry of the shadow that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It names a frame that the p2m does not have, or not to be written.
    Leaf(Entry),
    /// It lets the guest write to a table that is in sync.
    WritableTable(Entry),
    /// The guest's own entry, in a table that is in sync, does not allow it; or somebody else has
    /// written to that table.
    Refused(Entry),
    /// It names no table of the level below.
    Link(Entry),
    /// It cannot be found from the frame that it names.
    Lost(Entry),
}

impl Shadow {
    /// Looks at each entry, reports what is wrong and returns the number of it. `gfn_of` says where
    /// a frame may be in the p2m.
    pub fn audit<M: FrameMemory>(
        &mut self,
        guest: &Guest<'_, M>,
        gfn_of: impl Fn(Mfn) -> Gfn,
        mut report: impl FnMut(Wrong),
    ) -> u64 {
        let mut wrong: u64 = 0;
        for number in 0..self.pool.len() {
            let Some((table, key)) = self.pool.nth(guest.memory, number) else { continue };
            for slot in 0..ENTRIES {
                let entry = self.pool.get(guest.memory, table, slot);
                if let Some(found) = self.check(guest, (&key, slot), entry, &gfn_of) {
                    wrong = wrong.saturating_add(1);
                    report(found);
                }
            }
        }
        wrong
    }

    fn check<M: FrameMemory>(
        &mut self,
        guest: &Guest<'_, M>,
        (key, slot): (&Key, u64),
        entry: Entry,
        gfn_of: &impl Fn(Mfn) -> Gfn,
    ) -> Option<Wrong> {
        if !entry.is_present() {
            return None;
        }
        let frame = entry.mfn();
        let mut found = false;
        self.pool.for_each_naming(guest.memory, frame, |_, _, _, other| found |= other == entry);
        if !found {
            return Some(Wrong::Lost(entry));
        }
        let in_sync = key.frame().is_none_or(|frame| !self.out_of_sync.contains(frame));
        if in_sync && !self.is_allowed(guest, key, slot, entry) {
            return Some(Wrong::Refused(entry));
        }
        if key.level > 1 {
            let below = self.pool.table_in(frame);
            let below = below.and_then(|table| self.pool.key(guest.memory, table));
            let is_right = below.is_some_and(|it| it.level == key.level.saturating_sub(1));
            return (!is_right).then_some(Wrong::Link(entry));
        }
        let is_table = self.is_table(guest.memory, frame) && !self.out_of_sync.contains(frame);
        if entry.is_writable() && is_table {
            return Some(Wrong::WritableTable(entry));
        }
        (!is_given(guest, entry, gfn_of(frame))).then_some(Wrong::Leaf(entry))
    }

    /// Whether the guest's tables have, in slot `slot` of what `key` is the shadow of, all that
    /// `entry` gives. The shadow may have less: the mark that a write leaves is seen in one of those
    /// entries that are shadows of the same.
    fn is_allowed<M: FrameMemory>(
        &self,
        guest: &Guest<'_, M>,
        key: &Key,
        slot: u64,
        entry: Entry,
    ) -> bool {
        match guest.wanted(key, slot) {
            Target::Table(next) => {
                let below = self.pool.table_in(entry.mfn());
                let below = below.and_then(|table| self.pool.key(guest.memory, table));
                below.is_some_and(|it| it == Key { rights: it.rights & next.rights, ..next })
            }
            Target::Page(gfn, rights) => Self::is_true(guest, key, (gfn, rights), entry),
            _ => false,
        }
    }
}

/// Whether the p2m has what a leaf gives, at `likely` or anywhere else.
fn is_given<M: FrameMemory>(guest: &Guest<'_, M>, entry: Entry, likely: Gfn) -> bool {
    let gives = |leaf: crate::hvm::p2m::Leaf| {
        leaf.mfn == entry.mfn() && (leaf.writable || !entry.is_writable())
    };
    if guest.p2m.get(guest.memory, likely).is_some_and(gives) {
        return true;
    }
    let mut found = false;
    guest.p2m.for_each(guest.memory, |_, leaf| found |= gives(leaf));
    found
}
