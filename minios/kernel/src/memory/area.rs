// SPDX-License-Identifier: MIT OR Apache-2.0
//! The addresses at which memory that is not our own gets mapped: L4 slot 1.
use minios_core::area::Area;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Mfn, PAGE_SHIFT};
use xen_abi::mmu::PteFlags;

use super::page_table::{map_pages, unmap_pages};
use crate::arch::size;
use crate::lock::Lock;

/// First address: behind the 512 GiB that our own memory may have.
pub(crate) const START: u64 = 1 << 39;
/// Pages: 64 GiB.
const PAGES: u64 = 1 << 24;

static AREA: Lock<Option<Area>> = Lock::new(None);

/// Addresses that nothing else uses; given back on drop. What is mapped there is the owner's affair.
pub(crate) struct Reserved {
    va: u64,
    pages: u64,
}

impl Reserved {
    /// Addresses for `pages` pages.
    pub(crate) fn new(pages: usize) -> Result<Self, Errno> {
        let pages = pages as u64;
        let mut area = AREA.lock();
        let area = area.get_or_insert_with(|| Area::new(START >> PAGE_SHIFT, PAGES));
        let first = area.take(pages).ok_or(Errno::Enomem)?;
        Ok(Self { va: first << PAGE_SHIFT, pages })
    }

    /// The first address.
    pub(crate) fn va(&self) -> u64 {
        self.va
    }

    /// How many pages.
    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(area) = AREA.lock().as_mut() {
            area.give(self.va >> PAGE_SHIFT, self.pages);
        }
    }
}

/// Frames mapped one after the other; unmapped on drop.
pub(crate) struct Mapping(Reserved);

impl Mapping {
    /// Maps frames that belong to `owner`.
    pub(crate) fn new(frames: &[Mfn], flags: PteFlags, owner: DomId) -> Result<Self, Errno> {
        let reserved = Reserved::new(frames.len())?;
        map_pages(reserved.va(), frames.iter().copied(), flags, owner)?;
        Ok(Self(reserved))
    }

    /// The first address.
    pub(crate) fn va(&self) -> u64 {
        self.0.va()
    }

    /// How many pages.
    pub(crate) fn pages(&self) -> usize {
        size(self.0.pages())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        unmap_pages(self.0.va(), self.0.pages());
    }
}
