// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`P2m`]: which machine frame is behind each frame of a PVH guest.
//!
//! The p2m is the second-level page table that the processor walks. The hypervisor alone writes
//! it, so its tables are frames of the hypervisor; but its leaves count as the entries of a PV
//! guest's tables do ([`crate::page_type`]): each page holds a general reference on its frame, and
//! one as [`PageType::Writable`](crate::page_type::PageType) if the guest may write there. So a
//! frame stays while a guest can reach it, whoever gives it up meanwhile.
//!
//! A *large leaf* maps 2 MiB with one entry of an L2 table. It holds the references of its 512
//! pages, one by one, so that splitting it, when one of them changes, moves no reference: a table
//! with the same pages takes its place. Pages are not merged again.
//!
//! How entries are written is the processor's: [`Format`].
use xen_abi::errno::Errno;
use xen_abi::frame::{Gfn, Maddr, Mfn};

use crate::frame_memory::FrameMemory;
use crate::page_table::{ENTRIES, Entry, Level, entry_at};

mod cursor;
mod format;
mod leaf;

#[cfg(test)]
mod tests;

pub use cursor::Cursor;
pub use format::Format;
pub use leaf::{Kind, Leaf};

/// Frames that a guest can name: those below 2^48 bytes.
pub const GFN_END: u64 = 1 << 36;
/// Pages of a large leaf.
pub const LARGE_PAGES: u64 = Level::L2.frames();

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

/// Where the walk for a frame ends: at an entry that maps memory, or nothing.
struct Spot {
    level: Level,
    at: Maddr,
    entry: Entry,
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
        let spot = self.walk(memory, gfn);
        Some(Leaf::of(spot.entry)?.at(offset(gfn, spot.level)))
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
        let spot = self.spot_of_page(memory, gfn, new_table)?;
        self.highest = self.highest.max(gfn.get());
        memory.write_u64(spot.at, self.format.leaf(&leaf, Level::L1).get());
        Ok(Leaf::of(spot.entry))
    }

    /// Puts the 2 MiB from `leaf` on behind those from `gfn` on, if both are aligned, and there is
    /// nothing yet and no table either; says whether. The caller has taken the references of all
    /// pages.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn set_large<M: FrameMemory>(
        &mut self,
        memory: &M,
        gfn: Gfn,
        leaf: Leaf,
        mut new_table: impl FnMut() -> Option<Mfn>,
    ) -> Result<bool, Errno> {
        let is_aligned = |number: u64| number.is_multiple_of(LARGE_PAGES);
        if gfn.get() >= GFN_END {
            return Err(Errno::Einval);
        }
        if !is_aligned(gfn.get()) || !is_aligned(leaf.mfn.get()) {
            return Ok(false);
        }
        loop {
            let spot = self.walk(memory, gfn);
            match spot.level {
                Level::L4 | Level::L3 => self.add_table(memory, &spot, &mut new_table)?,
                Level::L2 if !spot.entry.is_present() => {
                    let entry = self.format.leaf(&leaf, Level::L2);
                    memory.write_u64(spot.at, entry.get());
                    let last = gfn.get().saturating_add(LARGE_PAGES.saturating_sub(1));
                    self.highest = self.highest.max(last);
                    return Ok(true);
                }
                Level::L2 | Level::L1 => return Ok(false),
            }
        }
    }

    /// Makes pages of the large leaf that maps `gfn`, if one does. What is where stays.
    ///
    /// # Errors
    /// `ENOMEM` where no table is to be had.
    pub fn split<M: FrameMemory>(
        &mut self,
        memory: &M,
        gfn: Gfn,
        new_table: impl FnMut() -> Option<Mfn>,
    ) -> Result<(), Errno> {
        if self.get(memory, gfn).is_some() {
            self.spot_of_page(memory, gfn, new_table)?;
        }
        Ok(())
    }

    /// Takes away what is behind `gfn`; the caller goes on as after [`Self::set`].
    ///
    /// # Errors
    /// `ENOMEM` where a large leaf is to be split, and no table is to be had.
    pub fn take<M: FrameMemory>(
        &mut self,
        memory: &M,
        gfn: Gfn,
        new_table: impl FnMut() -> Option<Mfn>,
    ) -> Result<Option<Leaf>, Errno> {
        if self.get(memory, gfn).is_none() {
            return Ok(None);
        }
        let spot = self.spot_of_page(memory, gfn, new_table)?;
        memory.write_u64(spot.at, Entry::EMPTY.get());
        Ok(Leaf::of(spot.entry))
    }

    /// Takes away the large leaf that begins at `gfn`, if there is one; the caller lets go of all of
    /// its pages.
    pub fn take_large<M: FrameMemory>(&mut self, memory: &M, gfn: Gfn) -> Option<Leaf> {
        if gfn.get() >= GFN_END || !gfn.get().is_multiple_of(LARGE_PAGES) {
            return None;
        }
        let spot = self.walk(memory, gfn);
        let leaf = Leaf::of(spot.entry).filter(|_| spot.level == Level::L2)?;
        memory.write_u64(spot.at, Entry::EMPTY.get());
        Some(leaf)
    }

    /// Takes away the first leaf from `*next` on, which moves behind it; says of how many pages.
    /// `None` when there are none left.
    pub fn take_next<M: FrameMemory>(&mut self, memory: &M, next: &mut u64) -> Option<(Leaf, u64)> {
        while *next <= self.highest {
            let spot = self.walk(memory, Gfn::new(*next));
            *next = behind(*next, spot.level);
            if let Some(leaf) = Leaf::of(spot.entry) {
                memory.write_u64(spot.at, Entry::EMPTY.get());
                return Some((leaf, spot.level.frames()));
            }
        }
        None
    }

    /// Gives each table to `free`, the root last. All leaves are gone.
    pub fn take_tables<M: FrameMemory>(self, memory: &M, mut free: impl FnMut(Mfn)) {
        free_below(memory, self.root, Level::L4, &mut free);
        free(self.root);
    }

    /// All pages, for an audit.
    #[cfg(debug_assertions)]
    pub fn for_each<M: FrameMemory>(&self, memory: &M, mut f: impl FnMut(Gfn, Leaf)) {
        let mut next = 0;
        while next <= self.highest {
            let spot = self.walk(memory, Gfn::new(next));
            if let Some(leaf) = Leaf::of(spot.entry) {
                for offset in 0..spot.level.frames() {
                    f(Gfn::new(next.saturating_add(offset)), leaf.at(offset));
                }
            }
            next = behind(next, spot.level);
        }
    }

    /// Follows the tables for a frame below [`GFN_END`].
    fn walk<M: FrameMemory>(&self, memory: &M, gfn: Gfn) -> Spot {
        let (mut table, mut level) = (self.root, Level::L4);
        loop {
            let at = entry_at(table, slot(level, gfn));
            let entry = Entry::new(memory.read_u64(at));
            match level.below() {
                Some(below) if is_table(entry, level) => (table, level) = (entry.mfn(), below),
                _ => return Spot { level, at, entry },
            }
        }
    }

    /// The entry of one page: missing tables are made, a large leaf is split.
    fn spot_of_page<M: FrameMemory>(
        &mut self,
        memory: &M,
        gfn: Gfn,
        mut new_table: impl FnMut() -> Option<Mfn>,
    ) -> Result<Spot, Errno> {
        if gfn.get() >= GFN_END {
            return Err(Errno::Einval);
        }
        loop {
            let spot = self.walk(memory, gfn);
            if spot.level == Level::L1 {
                return Ok(spot);
            }
            self.add_table(memory, &spot, &mut new_table)?;
        }
    }

    /// Puts a table where a walk ended, which maps what was mapped there.
    fn add_table<M: FrameMemory>(
        &mut self,
        memory: &M,
        spot: &Spot,
        new_table: &mut impl FnMut() -> Option<Mfn>,
    ) -> Result<(), Errno> {
        if self.tables >= self.max_tables {
            return Err(Errno::Enomem);
        }
        let table = new_table().ok_or(Errno::Enomem)?;
        self.tables = self.tables.saturating_add(1);
        if let Some(large) = Leaf::of(spot.entry) {
            for slot in 0..ENTRIES {
                let entry = self.format.leaf(&large.at(slot), Level::L1);
                memory.write_u64(entry_at(table, slot), entry.get());
            }
        }
        memory.write_u64(spot.at, self.format.table(table).get());
        Ok(())
    }
}

/// Whether an entry of a table of this level names another table.
const fn is_table(entry: Entry, level: Level) -> bool {
    entry.is_present() && !matches!(level, Level::L1) && entry.get() & Entry::LARGE == 0
}

const fn slot(level: Level, gfn: Gfn) -> u64 {
    level.slot(gfn.get() << xen_abi::frame::PAGE_SHIFT)
}

/// How far a frame is behind the first one that the entry of a table of this level translates.
const fn offset(gfn: Gfn, level: Level) -> u64 {
    gfn.get() & level.frames().wrapping_sub(1)
}

/// The first frame behind those that the entry for `gfn` in a table of this level translates.
const fn behind(gfn: u64, level: Level) -> u64 {
    (gfn | level.frames().wrapping_sub(1)).saturating_add(1)
}

fn free_below<M: FrameMemory>(memory: &M, table: Mfn, level: Level, free: &mut impl FnMut(Mfn)) {
    let Some(below) = level.below() else { return };
    for slot in 0..ENTRIES {
        let entry = Entry::new(memory.read_u64(entry_at(table, slot)));
        if is_table(entry, level) {
            free_below(memory, entry.mfn(), below, free);
            free(entry.mfn());
        }
    }
}
