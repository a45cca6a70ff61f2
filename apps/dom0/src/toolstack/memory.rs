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
use xen_abi::frame::{Mfn, PAGE_SHIFT, PAGE_SIZE, Pfn};

/// Pages mapped at a time.
const WINDOW_PAGES: usize = 256;
/// Pages asked for at a time.
const POPULATE_PAGES: u64 = 1024;

/// All frames of the new domain; its page `pfn` is the frame at that index.
pub(super) struct NewMemory {
    domid: DomId,
    frames: Vec<Mfn>,
    window: Option<(Range<usize>, SharedPages)>,
}

impl NewMemory {
    /// Gives `domid` its pages 0 to `pages`. `ENOMEM` if the hypervisor has not that many.
    pub(super) fn populate(domid: DomId, pages: u64) -> Result<Self, Errno> {
        let mut frames = Vec::new();
        let count = usize::try_from(pages).map_err(|_| Errno::Enomem)?;
        frames.try_reserve_exact(count).map_err(|_| Errno::Enomem)?;
        let mut next = 0;
        while next < pages {
            let end = (next + POPULATE_PAGES).min(pages);
            let wanted: Vec<Pfn> = (next..end).map(Pfn::new).collect();
            let got = memory_op::populate_physmap(domid, &wanted, 0)?;
            if got.len() < wanted.len() {
                return Err(Errno::Enomem);
            }
            frames.extend(got);
            next = end;
        }
        Ok(Self { domid, frames, window: None })
    }

    /// Each page with its frame.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Mfn, Pfn)> {
        self.frames.iter().copied().zip((0..).map(Pfn::new))
    }

    /// Unmaps what is mapped: the domain's page tables may have no writable mapping when they are
    /// validated.
    pub(super) fn close(&mut self) {
        self.window = None;
    }

    /// The window over page `index`: the first page that it shows, and the mapping.
    fn window(&mut self, index: usize) -> Result<(usize, &SharedPages), Errno> {
        let fits = self.window.as_ref().is_some_and(|(range, _)| range.contains(&index));
        if !fits {
            self.window = None;
            let start = index - index % WINDOW_PAGES;
            let end = (start + WINDOW_PAGES).min(self.frames.len());
            let frames = self.frames.get(start..end).ok_or(Errno::Einval)?;
            self.window = Some((start..end, map_foreign(self.domid, frames)?));
        }
        let (range, pages) = self.window.as_ref().ok_or(Errno::Einval)?;
        Ok((range.start, pages))
    }
}

impl DomainMemory for NewMemory {
    type Error = Errno;

    fn mfn(&self, pfn: Pfn) -> Mfn {
        let index = usize::try_from(pfn.get()).ok();
        index.and_then(|index| self.frames.get(index)).copied().unwrap_or(Mfn::INVALID)
    }

    fn write(&mut self, first: Pfn, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        let start = first.get() << PAGE_SHIFT;
        let mut at = usize::try_from(start + offset).map_err(|_| Errno::Einval)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (window_start, pages) = self.window(at / PAGE_SIZE)?;
            let inside = at - window_start * PAGE_SIZE;
            let count = rest.len().min(pages.len() - inside);
            let (now, later) = rest.split_at(count);
            pages.write(inside, now);
            at += count;
            rest = later;
        }
        Ok(())
    }
}
