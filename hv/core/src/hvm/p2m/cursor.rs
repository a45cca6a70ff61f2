// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Cursor`]: looking several frames up, most of which are near each other, as a guest's page
//! tables are.
use core::cell::Cell;

use xen_abi::frame::{Gfn, Mfn};

use super::{GFN_END, LARGE_PAGES, Leaf, P2m, offset, slot};
use crate::frame_memory::FrameMemory;
use crate::page_table::{Entry, Level, entry_at};

/// Lookups in a p2m that stays as it is meanwhile. A second one in the same 2 MiB takes no walk.
#[derive(Debug)]
pub struct Cursor<'p, M> {
    p2m: &'p P2m,
    memory: &'p M,
    last: Cell<Option<(u64, Target)>>,
}

/// What 2 MiB are behind.
#[derive(Clone, Copy, Debug)]
enum Target {
    Leaf(Leaf),
    Table(Mfn),
}

impl<'p, M: FrameMemory> Cursor<'p, M> {
    /// Nothing was looked up yet.
    #[must_use]
    pub const fn new(p2m: &'p P2m, memory: &'p M) -> Self {
        Self { p2m, memory, last: Cell::new(None) }
    }

    /// The p2m.
    #[must_use]
    pub const fn p2m(&self) -> &'p P2m {
        self.p2m
    }

    /// What is behind `gfn`, as [`P2m::get`] says.
    #[must_use]
    pub fn get(&self, gfn: Gfn) -> Option<Leaf> {
        let number = gfn.get() / LARGE_PAGES;
        match self.last.get() {
            Some((last, Target::Leaf(leaf))) if last == number => {
                Some(leaf.at(offset(gfn, Level::L2)))
            }
            Some((last, Target::Table(table))) if last == number => {
                Leaf::of(Entry::new(self.memory.read_u64(entry_at(table, slot(Level::L1, gfn)))))
            }
            _ => self.walk(gfn, number),
        }
    }

    fn walk(&self, gfn: Gfn, number: u64) -> Option<Leaf> {
        if gfn.get() >= GFN_END {
            return None;
        }
        let spot = self.p2m.walk(self.memory, gfn);
        let leaf = Leaf::of(spot.entry);
        match spot.level {
            Level::L1 => self.last.set(Some((number, Target::Table(spot.at.mfn())))),
            Level::L2 => self.last.set(leaf.map(|leaf| (number, Target::Leaf(leaf)))),
            Level::L3 | Level::L4 => {}
        }
        Some(leaf?.at(offset(gfn, spot.level)))
    }
}
