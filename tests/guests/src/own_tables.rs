// SPDX-License-Identifier: MIT OR Apache-2.0
//! Page tables that a PVH guest makes by hand, below a free entry of minios's root.
use core::arch::asm;

use minios::memory::SharedPages;

/// Bits of an entry.
pub const PRESENT: u64 = 1 << 0;
/// See [`PRESENT`].
pub const WRITABLE: u64 = 1 << 1;
/// For user mode.
pub const USER: u64 = 1 << 2;
/// Used.
pub const ACCESSED: u64 = 1 << 5;
/// Written through.
pub const DIRTY: u64 = 1 << 6;
/// A large page.
pub const LARGE: u64 = 1 << 7;
/// Not to be executed.
pub const NO_EXECUTE: u64 = 1 << 63;
/// Present and writable.
pub const RW: u64 = PRESENT | WRITABLE;

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
        peek(self.page(table) + slot * 8)
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

/// The table of level 4.
#[must_use]
pub fn root() -> u64 {
    let root: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr3", out(reg) root, options(nomem, nostack, preserves_flags)) };
    root & 0x000f_ffff_ffff_f000
}

/// Forgets one translation.
pub fn invalidate(address: u64) {
    // SAFETY: a translation that is forgotten is found again.
    unsafe { asm!("invlpg [{}]", in(reg) address, options(nostack, preserves_flags)) };
}

/// Forgets all translations.
pub fn flush() {
    // SAFETY: the root stays the same.
    unsafe { asm!("mov {r}, cr3", "mov cr3, {r}", r = out(reg) _, options(nostack)) };
}

/// Reads a word of memory.
#[must_use]
pub fn peek(address: u64) -> u64 {
    let at = core::ptr::with_exposed_provenance::<u64>(usize::try_from(address).unwrap_or(0));
    // SAFETY: the caller has mapped the word; a test that has not takes a page fault.
    unsafe { at.read_volatile() }
}

/// Writes a word of memory.
pub fn poke(address: u64, value: u64) {
    let at = core::ptr::with_exposed_provenance_mut::<u64>(usize::try_from(address).unwrap_or(0));
    // SAFETY: as above, and what is there is the test's own.
    unsafe { at.write_volatile(value) }
}
