// SPDX-License-Identifier: MIT OR Apache-2.0
//! Page tables that a PVH guest makes by hand, below a free entry of minios's root.
use minios::memory::SharedPages;

use crate::page_entry::{RW, USER, flush, root};
use crate::{poke, word};

/// The entry of the root, and the first address below it.
const ROOT_SLOT: u64 = 200;
const BASE: u64 = ROOT_SLOT << 39;

/// Pages in a row: tables of level 3, 2 and 1, then others.
pub struct OwnTables {
    pages: SharedPages,
}

impl OwnTables {
    /// Three tables, each the first entry of the one above, and so many pages more. `None` without
    /// memory.
    #[must_use]
    pub fn new(more: usize) -> Option<Self> {
        let tables = Self { pages: SharedPages::alloc(3 + more).ok()? };
        poke(root() + ROOT_SLOT * 8, tables.page(0) | RW | USER);
        tables.set(0, 0, tables.page(1) | RW | USER);
        tables.set(1, 0, tables.page(2) | RW | USER);
        Some(tables)
    }

    /// The physical address of a page, at which it is mapped too.
    #[must_use]
    pub fn page(&self, number: u64) -> u64 {
        self.pages.address() as u64 + (number << 12)
    }

    /// An entry of a table, which is one of the pages.
    #[must_use]
    pub fn get(&self, table: u64, slot: u64) -> u64 {
        word(self.page(table) + slot * 8)
    }

    /// Writes an entry.
    pub fn set(&self, table: u64, slot: u64, entry: u64) {
        poke(self.page(table) + slot * 8, entry);
    }
}

impl Drop for OwnTables {
    fn drop(&mut self) {
        poke(root() + ROOT_SLOT * 8, 0);
        flush();
    }
}

/// The address behind these entries of the tables of level 3, 2 and 1.
#[must_use]
pub const fn address(level3: u64, level2: u64, level1: u64) -> u64 {
    BASE | level3 << 30 | level2 << 21 | level1 << 12
}
