// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Trail`]: a walk of a guest's tables that need not be made again while nothing on its way has
//! changed.
//!
//! Unlike a TLB it is never stale: it knows where each entry was and what stood there, and looks.
use core::cell::Cell;

use xen_abi::frame::{Maddr, PAGE_SIZE};

use super::paging::{Access, Paging};

#[cfg(test)]
mod tests;

/// Entries that a walk reads at most, one a level.
const ENTRIES: usize = 4;
/// Bytes of a page as addresses count them.
const PAGE: u64 = PAGE_SIZE as u64;

/// What a walk was made for, and under which circumstances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// The first address of the guest's page.
    pub page: u64,
    /// What its memory is wanted for.
    pub access: Access,
    /// How the guest translates.
    pub paging: Paging,
    /// How often the guest's physical memory has lost something: entries and page are where they
    /// were as long as this stays.
    pub losses: u32,
}

impl Purpose {
    /// For an access to `address`.
    #[must_use]
    pub const fn new(address: u64, access: Access, paging: Paging, losses: u32) -> Self {
        Self { page: address & !(PAGE.wrapping_sub(1)), access, paging, losses }
    }
}

/// Where a walk led, and what it read on its way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trail {
    walk: Option<(Purpose, Maddr)>,
    entries: [(Maddr, u64); ENTRIES],
    length: usize,
}

impl Trail {
    /// A walk that has not been made.
    pub const NONE: Self = Self { walk: None, entries: [(Maddr::new(0), 0); ENTRIES], length: 0 };

    /// The machine address of the page, if the walk was made for this and would read the same again;
    /// `read` gives the 8 bytes at a machine address.
    pub fn follow(&self, purpose: &Purpose, read: impl Fn(Maddr) -> u64) -> Option<Maddr> {
        let (made_for, page) = self.walk.as_ref()?;
        let entries = self.entries.get(..self.length)?;
        let is_same = made_for == purpose && entries.iter().all(|(at, word)| read(*at) == *word);
        is_same.then_some(*page)
    }
}

/// Notes what a walk reads.
#[derive(Debug, Default)]
pub struct Recorder {
    entries: Cell<[(Maddr, u64); ENTRIES]>,
    length: Cell<usize>,
}

impl Recorder {
    /// The walk read `word` at `at`.
    pub fn read(&self, at: Maddr, word: u64) {
        let mut entries = self.entries.get();
        let length = self.length.get();
        if let Some(entry) = entries.get_mut(length) {
            *entry = (at, word);
            self.entries.set(entries);
        }
        self.length.set(length.saturating_add(1));
    }

    /// The walk has left a mark: an entry is no longer what it read.
    pub fn marked(&self) {
        self.length.set(usize::MAX);
    }

    /// The walk has led to the page at `page`. One that left marks, or was made more than once because
    /// the tables changed meanwhile, leaves no trail.
    #[must_use]
    pub fn finish(&self, purpose: Purpose, page: Maddr) -> Trail {
        let (entries, length) = (self.entries.get(), self.length.get());
        if length > ENTRIES {
            return Trail::NONE;
        }
        Trail { walk: Some((purpose, page)), entries, length }
    }
}
