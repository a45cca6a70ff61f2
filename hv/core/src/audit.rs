// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Audit`]: counts all references on frames again, from scratch (debug builds).
//!
//! The counts that operations keep are compared with what page tables, pins and allocations say,
//! together with what the rest of the hypervisor knows to hold (roots of vCPUs, GDT frames...).
use core::fmt;

use xen_abi::domain::DomId;
use xen_abi::frame::Mfn;

use crate::page_info::{PageInfo, PageType, State, TypeWord};
use crate::page_list::PageList;
use crate::page_table::{ENTRIES, Entry, Level, entry_at, is_hypervisor_slot};
use crate::page_type::Machine;

pub mod p2m;
#[cfg(test)]
mod tests;

/// A frame whose books are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The frame.
    pub mfn: Mfn,
    /// Its state, with the general count that was kept.
    pub state: State,
    /// Its type, with the type count that was kept.
    pub type_word: TypeWord,
    /// General references found.
    pub general: u64,
    /// Type references found; `None` where one was for another type than the frame's.
    pub typed: Option<u64>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, word) = (self.state, self.type_word);
        let (mfn, owner) = (self.mfn.get(), state.owner());
        write!(f, "frame {mfn:#x} of {owner}: {} references kept, ", state.count())?;
        write!(f, "{} found; {:?}: {} kept, ", self.general, word.page_type(), word.count())?;
        match self.typed {
            Some(typed) => write!(f, "{typed} found"),
            None => f.write_str("another type found"),
        }
    }
}

/// A recount in progress. Nothing else may change references meanwhile.
#[derive(Debug)]
pub struct Audit<'m, M> {
    machine: &'m M,
}

impl<'m, M: Machine> Audit<'m, M> {
    /// Starts a recount with what the frame table and the page tables in use hold.
    #[must_use]
    pub fn start(machine: &'m M) -> Self {
        let audit = Self { machine };
        for (_, page) in audit.pages() {
            page.expected().clear();
        }
        for (mfn, page) in audit.pages() {
            audit.count_frame(mfn, page);
        }
        audit
    }

    fn pages(&self) -> impl Iterator<Item = (Mfn, &'m PageInfo)> + use<'m, M> {
        let table = self.machine.frame_table();
        (0..table.len()).map(Mfn::new).filter_map(move |mfn| Some((mfn, table.get(mfn)?)))
    }

    /// Counts a general reference which something outside the frame table holds.
    pub fn general(&self, mfn: Mfn) {
        if let Some(page) = self.machine.frame_table().get(mfn) {
            page.expected().add_general();
        }
    }

    /// Counts a general and a type reference which something outside the frame table holds.
    pub fn typed(&self, mfn: Mfn, page_type: PageType) {
        self.general(mfn);
        if let Some(page) = self.machine.frame_table().get(mfn) {
            page.expected().add_typed(page.type_word().page_type() == page_type);
        }
    }

    /// What a frame itself says about references.
    fn count_frame(&self, mfn: Mfn, page: &PageInfo) {
        let (state, word) = (page.state(), page.type_word());
        if state.is_shared() && state.is_allocated() {
            self.typed(mfn, PageType::Writable);
        } else if state.is_allocated() {
            self.general(mfn);
        }
        if word.is_pinned() {
            self.typed(mfn, word.page_type());
        }
        if word.is_partial() {
            self.general(mfn);
        }
        let PageType::Table(level) = word.page_type() else { return };
        let counted = match (word.is_partial(), word.is_validated() && word.count() > 0) {
            (true, _) => word.progress(),
            (false, true) => ENTRIES,
            (false, false) => 0,
        };
        for slot in 0..counted {
            let entry = Entry::new(self.machine.read_u64(entry_at(mfn, slot)));
            if level != Level::L4 || !is_hypervisor_slot(slot) {
                self.count_entry(mfn, level, entry);
            }
        }
    }

    fn count_entry(&self, own: Mfn, level: Level, entry: Entry) {
        if !entry.is_present() {
            return;
        }
        match level.below() {
            Some(_) if entry.mfn() == own => {}
            Some(below) => self.typed(entry.mfn(), PageType::Table(below)),
            None if self.machine.frame_table().is_io(entry.mfn()) => {}
            None if entry.is_writable() => self.typed(entry.mfn(), PageType::Writable),
            None => self.general(entry.mfn()),
        }
    }

    /// Number of frames in free blocks.
    #[must_use]
    pub fn free_frames(&self) -> u64 {
        let blocks = self.pages().filter_map(|(_, page)| page.state().free_order());
        blocks.fold(0, |sum: u64, order| sum.saturating_add(1 << order))
    }

    /// Whether `list` holds the frames of `owner`, all of them, and nothing else.
    #[must_use]
    pub fn is_complete(&self, owner: DomId, list: &PageList) -> bool {
        let table = self.machine.frame_table();
        let owned =
            |state: State| state.owner() == owner && !state.is_shared() && state.count() > 0;
        let in_table = self.pages().filter(|(_, page)| owned(page.state())).count();
        let mut in_list: u64 = 0;
        for mfn in list.iter(table) {
            in_list = in_list.saturating_add(1);
            if !owned(table.frame(mfn).state()) || in_list > list.len() {
                return false;
            }
        }
        in_list == list.len() && u64::try_from(in_table) == Ok(in_list)
    }

    /// The frames that belong to no domain.
    pub fn ownerless(&self) -> impl Iterator<Item = Mfn> + use<'m, M> {
        self.pages().filter(|(_, page)| !page.state().owner().is_ordinary()).map(|(mfn, _)| mfn)
    }

    /// Compares with what was kept, reports every difference and returns their number.
    pub fn finish(self, mut report: impl FnMut(Difference)) -> u64 {
        let mut differences: u64 = 0;
        for (mfn, page) in self.pages() {
            let (state, type_word) = (page.state(), page.type_word());
            let (general, typed) = (page.expected().general(), page.expected().typed());
            if general != state.count() || typed != Some(type_word.count()) {
                differences = differences.saturating_add(1);
                report(Difference { mfn, state, type_word, general, typed });
            }
        }
        differences
    }
}
