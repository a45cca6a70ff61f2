// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory of a domain that is being built: its frames, and a window through which they are
//! written.

use alloc::vec::Vec;
use core::ops::Range;

use domain_builder::DomainMemory;
use minios::Errno;
use minios::hypercall::memory_op;
use minios::memory::{SharedPages, map_foreign};
use xen_abi::domain::DomId;
use xen_abi::frame::{Mfn, PAGE_SHIFT, Pfn};

/// Pages mapped at a time.
const WINDOW_PAGES: u64 = 256;
/// Order of the large extents: 2 MiB.
const LARGE: u32 = 9;
/// Extents asked for at a time.
const BATCH: usize = 512;

/// All frames of the new domain with the numbers from 0 on: large extents for its first pages, single
/// frames for the rest.
pub(super) struct NewMemory {
    domid: DomId,
    large: Vec<Mfn>,
    single: Vec<Mfn>,
    pages: u64,
    window: Option<(Range<u64>, SharedPages)>,
}

impl NewMemory {
    /// Gives `domid` its pages 0 to `pages`. `ENOMEM` if the hypervisor has not that many.
    pub(super) fn populate(domid: DomId, pages: u64) -> Result<Self, Errno> {
        let (large, single) = get_pages(domid, 0..pages)?;
        Ok(Self { domid, large, single, pages, window: None })
    }

    fn frame(&self, pfn: Pfn) -> Option<Mfn> {
        let index = usize::try_from(pfn.get()).ok()?;
        match self.large.get(index >> LARGE) {
            Some(first) => Some(Mfn::new(first.get() + pfn.get() % (1 << LARGE))),
            None => self.single.get(index - (self.large.len() << LARGE)).copied(),
        }
    }

    /// Unmaps what is mapped: the domain's page tables may have no writable mapping when they are
    /// validated.
    pub(super) fn close(&mut self) {
        self.window = None;
    }

    /// The window over page `index`: the first page that it shows, and the mapping.
    fn window(&mut self, index: u64) -> Result<(u64, &SharedPages), Errno> {
        let fits = self.window.as_ref().is_some_and(|(range, _)| range.contains(&index));
        if !fits {
            self.window = None;
            let start = index - index % WINDOW_PAGES;
            let range = start..(start + WINDOW_PAGES).min(self.pages);
            let frames: Vec<Mfn> = range.clone().map(|pfn| self.mfn(Pfn::new(pfn))).collect();
            self.window = Some((range, map_foreign(self.domid, &frames)?));
        }
        let (range, pages) = self.window.as_ref().ok_or(Errno::Einval)?;
        Ok((range.start, pages))
    }
}

impl DomainMemory for NewMemory {
    type Error = Errno;

    fn mfn(&self, pfn: Pfn) -> Mfn {
        self.frame(pfn).unwrap_or(Mfn::INVALID)
    }

    fn write(&mut self, first: Pfn, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        let mut at = (first.get() << PAGE_SHIFT) + offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (window_start, pages) = self.window(at >> PAGE_SHIFT)?;
            let inside = at - (window_start << PAGE_SHIFT);
            let inside = usize::try_from(inside).map_err(|_| Errno::Einval)?;
            let count = rest.len().min(pages.len() - inside);
            let (now, later) = rest.split_at(count);
            pages.write(inside, now);
            at += count as u64;
            rest = later;
        }
        Ok(())
    }
}

/// Gives `domid` more pages, with these numbers, which are not written here. The first is a multiple
/// of those of a large extent.
pub(super) fn populate(domid: DomId, pages: Range<u64>) -> Result<(), Errno> {
    get_pages(domid, pages).map(drop)
}

/// Gives `domid` the pages with these numbers: as many large extents as there are, then single ones.
fn get_pages(domid: DomId, pages: Range<u64>) -> Result<(Vec<Mfn>, Vec<Mfn>), Errno> {
    let large = get_extents(domid, pages.start >> LARGE..pages.end >> LARGE, LARGE)?;
    let rest = pages.start + ((large.len() as u64) << LARGE)..pages.end;
    let missing = rest.end - rest.start;
    let single = get_extents(domid, rest, 0)?;
    if (single.len() as u64) < missing {
        return Err(Errno::Enomem);
    }
    Ok((large, single))
}

/// Gives `domid` the extents of 2^`order` pages with these numbers, as many as there are.
fn get_extents(domid: DomId, mut numbers: Range<u64>, order: u32) -> Result<Vec<Mfn>, Errno> {
    let mut extents = Vec::new();
    loop {
        let batch: Vec<Pfn> =
            numbers.by_ref().take(BATCH).map(|number| Pfn::new(number << order)).collect();
        let got = memory_op::populate_physmap(domid, &batch, order)?;
        extents.try_reserve(got.len()).map_err(|_| Errno::Enomem)?;
        extents.extend_from_slice(&got);
        if got.is_empty() || got.len() < batch.len() {
            return Ok(extents);
        }
    }
}
