// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`P2m`]: which machine frame is behind each frame of a PVH guest.
//!
//! The p2m is the second-level page table that the processor walks. The hypervisor alone writes
//! it, so its tables are frames of the hypervisor; but its leaves count as the entries of a PV
//! guest's tables do ([`crate::page_type`]): each holds a general reference on its frame, and one
//! as [`PageType::Writable`](crate::page_type::PageType) if the guest may write there. So a frame
//! stays while a guest can reach it, whoever gives it up meanwhile.
//!
//! How its entries are written is the processor's: [`Format`].
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Gfn, Maddr, Mfn};

use crate::frame_memory::FrameMemory;
use crate::page_table::{ENTRIES, Entry, Level, entry_at};
use crate::page_type::{Machine, PageTypes, Stop};

mod format;

#[cfg(test)]
mod tests;

pub use format::Format;

/// Frames that a guest can name: those below 2^48 bytes.
pub const GFN_END: u64 = 1 << 36;

/// What a leaf is for, kept in bits 52 and 53.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A frame of the domain: its memory, or one that the hypervisor shares with it.
    Own,
    /// A granted frame of another domain.
    Grant,
}

impl Kind {
    const GRANT: u64 = 1 << 52;

    const fn bits(self) -> u64 {
        match self {
            Self::Own => 0,
            Self::Grant => Self::GRANT,
        }
    }

    const fn of(entry: Entry) -> Self {
        if entry.get() & Self::GRANT != 0 { Self::Grant } else { Self::Own }
    }
}

/// A present entry of the last level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The machine frame.
    pub mfn: Mfn,
    /// Whose it is.
    pub kind: Kind,
    /// The guest may write there.
    pub writable: bool,
}

impl Leaf {
    /// Memory of the domain itself.
    #[must_use]
    pub const fn own(mfn: Mfn) -> Self {
        Self { mfn, kind: Kind::Own, writable: true }
    }

    /// Takes the references of a leaf on a frame of `owner`.
    ///
    /// # Errors
    /// `EINVAL` for a frame that is not the owner's or, to be written, in another use;
    /// [`Stop::Preempted`].
    pub fn hold<M: Machine>(&self, types: &PageTypes<'_, M>, owner: DomId) -> Result<(), Stop> {
        if self.writable {
            return types.get_writable(self.mfn, owner);
        }
        types.machine().frame_table().get_page(self.mfn, owner).ok_or(Errno::Einval)?;
        Ok(())
    }

    /// Drops the references of a leaf that is no longer in the tables.
    pub fn let_go<M: Machine>(&self, types: &PageTypes<'_, M>) {
        if self.writable {
            types.put_type(self.mfn);
        }
        types.put_page(self.mfn);
    }

    const fn of(entry: Entry) -> Option<Self> {
        if !entry.is_present() {
            return None;
        }
        let kind = Kind::of(entry);
        Some(Self { mfn: entry.mfn(), kind, writable: entry.is_writable() })
    }
}

/// The second-level table of a domain.
#[derive(Debug)]
pub struct P2m {
    format: Format,
    root: Mfn,
    /// Tables, the root included.
    tables: u64,
    max_tables: u64,
    highest: u64,
}

impl P2m {
    /// An empty one; `root` is a zeroed frame. It grows to at most `max_tables` tables.
    #[must_use]
    pub const fn new(format: Format, root: Mfn, max_tables: u64) -> Self {
        Self { format, root, tables: 1, max_tables, highest: 0 }
    }

    /// The top table.
    #[must_use]
    pub const fn root(&self) -> Mfn {
        self.root
    }

    /// How many tables there are, the root included.
    #[must_use]
    pub const fn tables(&self) -> u64 {
        self.tables
    }

    /// Sets how many tables there may be.
    pub const fn set_max_tables(&mut self, max: u64) {
        self.max_tables = max;
    }

    /// The highest frame that was ever present.
    #[must_use]
    pub const fn highest(&self) -> Gfn {
        Gfn::new(self.highest)
    }

    /// What is behind `gfn`.
    #[must_use]
    pub fn get<M: FrameMemory>(&self, memory: &M, gfn: Gfn) -> Option<Leaf> {
        if gfn.get() >= GFN_END {
            return None;
        }
        let mut table = self.root;
        for level in [Level::L4, Level::L3, Level::L2] {
            let entry = Entry::new(memory.read_u64(entry_at(table, slot(level, gfn))));
            if !entry.is_present() {
                return None;
            }
            table = entry.mfn();
        }
        Leaf::of(Entry::new(memory.read_u64(entry_at(table, slot(Level::L1, gfn)))))
    }

    /// Puts `leaf` behind `gfn`, whose references the caller has taken ([`Leaf::hold`]). Returns what
    /// was there: the caller flushes translations, and lets go of it ([`Leaf::let_go`]).
    ///
    /// # Errors
    /// `EINVAL` for a frame number that no guest can name; `ENOMEM` where no table is to be had from
    /// `new_table`, which gives zeroed frames.
    pub fn set<M: FrameMemory>(
        &mut self,
        memory: &M,
        gfn: Gfn,
        leaf: Leaf,
        new_table: impl FnMut() -> Option<Mfn>,
    ) -> Result<Option<Leaf>, Errno> {
        let table = self.make_path(memory, gfn, new_table)?;
        self.highest = self.highest.max(gfn.get());
        Ok(exchange(memory, entry_at(table, slot(Level::L1, gfn)), self.format.leaf(&leaf)))
    }

    /// Takes away what is behind `gfn`; the caller goes on as after [`Self::set`].
    pub fn take<M: FrameMemory>(&mut self, memory: &M, gfn: Gfn) -> Option<Leaf> {
        if gfn.get() >= GFN_END {
            return None;
        }
        let table = self.path(memory, gfn)?;
        exchange(memory, entry_at(table, slot(Level::L1, gfn)), Entry::EMPTY)
    }

    /// Takes away the first leaf from `*next` on, which moves behind it; `None` when there are none
    /// left.
    pub fn take_next<M: FrameMemory>(&mut self, memory: &M, next: &mut u64) -> Option<Leaf> {
        while *next <= self.highest {
            let gfn = Gfn::new(*next);
            let found = match self.path(memory, gfn) {
                Some(table) => {
                    exchange(memory, entry_at(table, slot(Level::L1, gfn)), Entry::EMPTY)
                }
                None => None,
            };
            *next = match self.path(memory, gfn) {
                Some(_) => next.saturating_add(1),
                None => next.saturating_add(self.span_without_table(memory, gfn)),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Gives each table to `free`, the root last. All leaves are gone.
    pub fn take_tables<M: FrameMemory>(self, memory: &M, mut free: impl FnMut(Mfn)) {
        free_below(memory, self.root, Level::L4, &mut free);
        free(self.root);
    }

    /// All leaves, for an audit.
    #[cfg(debug_assertions)]
    pub fn for_each<M: FrameMemory>(&self, memory: &M, mut f: impl FnMut(Gfn, Leaf)) {
        let mut gfn = 0;
        while gfn <= self.highest {
            let first = Gfn::new(gfn);
            if let Some(table) = self.path(memory, first) {
                for slot in 0..ENTRIES {
                    let entry = Entry::new(memory.read_u64(entry_at(table, slot)));
                    if let Some(leaf) = Leaf::of(entry) {
                        f(Gfn::new(gfn.saturating_add(slot)), leaf);
                    }
                }
            }
            gfn = gfn.saturating_add(self.span_without_table(memory, first));
        }
    }

    /// How far it is from `gfn`, which has no L1 table, to the next one that may exist.
    fn span_without_table<M: FrameMemory>(&self, memory: &M, gfn: Gfn) -> u64 {
        let mut table = self.root;
        for (level, span) in [(Level::L4, 1_u64 << 27), (Level::L3, 1 << 18)] {
            let entry = Entry::new(memory.read_u64(entry_at(table, slot(level, gfn))));
            if !entry.is_present() {
                let into = gfn.get() & span.wrapping_sub(1);
                return span.saturating_sub(into);
            }
            table = entry.mfn();
        }
        ENTRIES.saturating_sub(gfn.get() & ENTRIES.wrapping_sub(1))
    }

    /// The L1 table of `gfn`.
    fn path<M: FrameMemory>(&self, memory: &M, gfn: Gfn) -> Option<Mfn> {
        let mut table = self.root;
        for level in [Level::L4, Level::L3, Level::L2] {
            let entry = Entry::new(memory.read_u64(entry_at(table, slot(level, gfn))));
            table = Some(entry).filter(|entry| entry.is_present())?.mfn();
        }
        Some(table)
    }

    /// The L1 table of `gfn`; missing tables are made.
    fn make_path<M: FrameMemory>(
        &mut self,
        memory: &M,
        gfn: Gfn,
        mut new_table: impl FnMut() -> Option<Mfn>,
    ) -> Result<Mfn, Errno> {
        if gfn.get() >= GFN_END {
            return Err(Errno::Einval);
        }
        let mut table = self.root;
        for level in [Level::L4, Level::L3, Level::L2] {
            let at = entry_at(table, slot(level, gfn));
            let entry = Entry::new(memory.read_u64(at));
            table = if entry.is_present() {
                entry.mfn()
            } else {
                if self.tables >= self.max_tables {
                    return Err(Errno::Enomem);
                }
                let new = new_table().ok_or(Errno::Enomem)?;
                self.tables = self.tables.saturating_add(1);
                memory.write_u64(at, self.format.table(new).get());
                new
            };
        }
        Ok(table)
    }
}

/// Writes an entry, and says what it was before.
fn exchange<M: FrameMemory>(memory: &M, at: Maddr, new: Entry) -> Option<Leaf> {
    let old = Leaf::of(Entry::new(memory.read_u64(at)));
    memory.write_u64(at, new.get());
    old
}

const fn slot(level: Level, gfn: Gfn) -> u64 {
    level.slot(gfn.get() << xen_abi::frame::PAGE_SHIFT)
}

fn free_below<M: FrameMemory>(memory: &M, table: Mfn, level: Level, free: &mut impl FnMut(Mfn)) {
    let Some(below) = level.below() else { return };
    for slot in 0..ENTRIES {
        let entry = Entry::new(memory.read_u64(entry_at(table, slot)));
        if entry.is_present() {
            free_below(memory, entry.mfn(), below, free);
            free(entry.mfn());
        }
    }
}
