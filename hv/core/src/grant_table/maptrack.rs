// SPDX-License-Identifier: MIT OR Apache-2.0
//! The mapping side: what a domain has mapped, by handle.
//!
//! A handle that was given back is the next one given out, as on Xen.

use super::entry::Access;
use crate::supply::Supply;
use heapless::Vec;
use xen_abi::domain::DomId;
use xen_abi::frame::PAGE_SIZE;
use xen_abi::grant_table::{GrantHandle, GrantRef, GrantStatus};

/// Slots in a page.
pub const SLOTS_PER_PAGE: usize = 256;
/// Most pages of a maptrack.
pub const MAX_PAGES: usize = 128;

/// Which ways a mapping can be reached; it ends when none is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// By a page table entry.
    pub host: bool,
    /// By devices.
    pub device: bool,
}

impl Ways {
    /// Whether none is left.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        !self.host && !self.device
    }
}

/// A grant that is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The domain that grants it.
    pub granter: DomId,
    /// The grant.
    pub reference: GrantRef,
    /// The machine frame behind it, the same for as long as the grant is in use.
    pub frame: u32,
    /// What it is mapped for.
    pub access: Access,
    /// How it can be reached.
    pub ways: Ways,
    /// The guest names the page table entry itself (`GNTMAP_contains_pte`), not the address that
    /// it maps.
    pub by_entry: bool,
}

/// A place for a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Free; the number of the next free slot.
    Free(Option<u32>),
    /// In use.
    Used(Mapping),
}

impl Slot {
    /// A slot that no list knows.
    pub const EMPTY: Self = Self::Free(None);
}

/// A page of slots.
pub type MaptrackPage = [Slot; SLOTS_PER_PAGE];
const _: () = assert!(size_of::<MaptrackPage>() <= PAGE_SIZE);

/// The mappings of one domain.
#[derive(Debug)]
pub struct Maptrack<'a> {
    max_pages: usize,
    pages: Vec<&'a mut MaptrackPage, MAX_PAGES>,
    /// The slot freed last.
    free: Option<u32>,
    /// Slots from here on were never used.
    unused: u32,
    live: u32,
}

impl<'a> Maptrack<'a> {
    /// An empty one of at most `max_pages` (and [`MAX_PAGES`]).
    #[must_use]
    pub const fn new(max_pages: usize) -> Self {
        let max_pages = if max_pages < MAX_PAGES { max_pages } else { MAX_PAGES };
        Self { max_pages, pages: Vec::new(), free: None, unused: 0, live: 0 }
    }

    /// Mappings alive.
    #[must_use]
    pub const fn live(&self) -> u32 {
        self.live
    }

    /// Pages in use.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Makes sure that the next [`Self::insert`] finds a slot. `NO_DEVICE_SPACE` if there is none
    /// and no page for more.
    pub fn reserve(
        &mut self,
        supply: &mut impl Supply<'a, MaptrackPage>,
    ) -> Result<(), GrantStatus> {
        if self.free.is_some() {
            return Ok(());
        }
        let capacity = self.pages.len().saturating_mul(SLOTS_PER_PAGE);
        let unused = usize::try_from(self.unused).unwrap_or(usize::MAX);
        if unused < capacity {
            return Ok(());
        }
        if self.pages.len() >= self.max_pages {
            return Err(GrantStatus::NO_DEVICE_SPACE);
        }
        let page = supply.page().map_err(|_| GrantStatus::NO_DEVICE_SPACE)?;
        self.pages.push(page).map_err(|_| GrantStatus::NO_DEVICE_SPACE)
    }

    /// Records a mapping; `None` without a [`Self::reserve`] before.
    pub fn insert(&mut self, mapping: Mapping) -> Option<GrantHandle> {
        let number = self.free.unwrap_or(self.unused);
        let slot = slot_mut(&mut self.pages, number)?;
        match (self.free, *slot) {
            (Some(_), Slot::Free(next)) => self.free = next,
            _ => self.unused = self.unused.saturating_add(1),
        }
        *slot = Slot::Used(mapping);
        self.live = self.live.saturating_add(1);
        Some(GrantHandle::new(number))
    }

    /// The mapping a handle names; `BAD_HANDLE` if none.
    pub fn get(&self, handle: GrantHandle) -> Result<Mapping, GrantStatus> {
        match self.slot(handle.get()) {
            Some(Slot::Used(mapping)) => Ok(*mapping),
            _ => Err(GrantStatus::BAD_HANDLE),
        }
    }

    /// Takes ways from a mapping. When none is left the handle is free and the mapping is
    /// returned: its grant is to be unpinned.
    pub fn take_ways(&mut self, handle: GrantHandle, ways: Ways) -> Option<Mapping> {
        let slot = slot_mut(&mut self.pages, handle.get())?;
        let Slot::Used(mapping) = slot else { return None };
        mapping.ways.host &= !ways.host;
        mapping.ways.device &= !ways.device;
        let mapping = *mapping;
        mapping.ways.is_empty().then(|| {
            *slot = Slot::Free(self.free.replace(handle.get()));
            self.live = self.live.saturating_sub(1);
            mapping
        })
    }

    /// Frees a handle, and returns what it named.
    pub fn remove(&mut self, handle: GrantHandle) -> Option<Mapping> {
        let slot = slot_mut(&mut self.pages, handle.get())?;
        let Slot::Used(mapping) = *slot else { return None };
        *slot = Slot::Free(self.free.replace(handle.get()));
        self.live = self.live.saturating_sub(1);
        Some(mapping)
    }

    /// The first mapping from `from` on: to release them all in steps.
    #[must_use]
    pub fn next_live(&self, from: GrantHandle) -> Option<(GrantHandle, Mapping)> {
        if self.live == 0 {
            return None;
        }
        (from.get()..self.unused).find_map(|number| match self.slot(number) {
            Some(Slot::Used(mapping)) => Some((GrantHandle::new(number), *mapping)),
            _ => None,
        })
    }

    /// Gives back a page, for the end of the domain; none while something is mapped.
    pub fn take_page(&mut self) -> Option<&'a mut MaptrackPage> {
        if self.live > 0 {
            return None;
        }
        (self.max_pages, self.free, self.unused) = (0, None, 0);
        self.pages.pop()
    }

    fn slot(&self, number: u32) -> Option<&Slot> {
        let (page, slot) = place(number)?;
        self.pages.get(page)?.get(slot)
    }
}

fn slot_mut<'p>(pages: &'p mut [&mut MaptrackPage], number: u32) -> Option<&'p mut Slot> {
    let (page, slot) = place(number)?;
    pages.get_mut(page)?.get_mut(slot)
}

fn place(number: u32) -> Option<(usize, usize)> {
    let number = usize::try_from(number).ok()?;
    Some((number.checked_div(SLOTS_PER_PAGE)?, number.checked_rem(SLOTS_PER_PAGE)?))
}
