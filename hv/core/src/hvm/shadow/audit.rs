// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the shadow gives no more than it may (debug builds).
use xen_abi::frame::{Gfn, Mfn};

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
                if let Some(found) = self.check(guest, key.level, entry, &gfn_of) {
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
        level: u8,
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
        if level > 1 {
            let below = self.pool.table_in(frame);
            let below = below.and_then(|table| self.pool.key(guest.memory, table));
            let is_right = below.is_some_and(|key| key.level == level.saturating_sub(1));
            return (!is_right).then_some(Wrong::Link(entry));
        }
        let is_table = self.is_table(guest.memory, frame) && !self.out_of_sync.contains(frame);
        if entry.is_writable() && is_table {
            return Some(Wrong::WritableTable(entry));
        }
        (!is_given(guest, entry, gfn_of(frame))).then_some(Wrong::Leaf(entry))
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
