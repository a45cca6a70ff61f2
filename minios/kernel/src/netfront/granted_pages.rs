// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pages of ours that the backend may use for as long as the interface exists.

use crate::grant_table::{Grant, grant_access};
use crate::memory::SharedPages;
use crate::{DomId, Errno, GrantRef, PAGE_SIZE};
use alloc::vec::Vec;

pub(super) struct GrantedPages {
    // Before the pages: they are given up when no grant is left.
    grants: Vec<Grant>,
    pages: SharedPages,
}

impl GrantedPages {
    /// `count` zeroed pages for `backend` to read, and to write unless `readonly`.
    pub(super) fn new(backend: DomId, count: u16, readonly: bool) -> Result<Self, Errno> {
        let count = usize::from(count);
        let pages = SharedPages::alloc(count)?;
        let grants = (0..count).map(|page| grant_access(backend, &pages, page, readonly));
        Ok(Self { grants: grants.collect::<Result<_, _>>()?, pages })
    }

    pub(super) fn pages(&self) -> &SharedPages {
        &self.pages
    }

    /// The grant of a page.
    pub(super) fn reference(&self, page: u16) -> GrantRef {
        self.grants[usize::from(page)].reference()
    }

    /// Copies out of a page; offset and length are within it.
    pub(super) fn read(&self, page: u16, offset: usize, to: &mut [u8]) {
        self.pages.read(usize::from(page) * PAGE_SIZE + offset, to);
    }

    /// Copies to the start of a page.
    pub(super) fn write(&self, page: u16, from: &[u8]) {
        self.pages.write(usize::from(page) * PAGE_SIZE, from);
    }
}
