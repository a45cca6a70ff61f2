// SPDX-License-Identifier: MIT OR Apache-2.0
//! The granting side: a domain's entries, in frames it shares with the hypervisor.

use super::entry::{Access, Active, Use};
use core::sync::atomic::Ordering::Relaxed;
use heapless::Vec;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Mfn, PAGE_SIZE};
use xen_abi::grant_table::{ENTRIES_PER_FRAME, GrantRef, GrantStatus, SharedGrantEntry};

/// Most frames of a table.
pub const MAX_FRAMES: usize = 64;
/// Records in a page.
pub const ACTIVE_PER_PAGE: usize = 256;
/// Pages of records for a frame of entries.
pub const ACTIVE_PAGES: usize = ENTRIES_PER_FRAME / ACTIVE_PER_PAGE;

/// A frame of entries, which the guest maps and writes.
pub type SharedFrame = [SharedGrantEntry; ENTRIES_PER_FRAME];
/// A page of the hypervisor's records.
pub type ActivePage = [Active; ACTIVE_PER_PAGE];

const _: () = assert!(size_of::<SharedFrame>() == PAGE_SIZE);
const _: () = assert!(size_of::<ActivePage>() <= PAGE_SIZE);

/// A frame of entries with what belongs to it.
#[derive(Debug)]
pub struct TableFrame<'a> {
    /// The entries.
    pub shared: &'a SharedFrame,
    /// Where they are.
    pub mfn: Mfn,
    /// The records, all [`Active::UNUSED`] at first.
    pub active: [&'a mut ActivePage; ACTIVE_PAGES],
}

/// A domain's grants.
#[derive(Debug)]
pub struct GrantTable<'a> {
    domain: DomId,
    max_frames: usize,
    frames: Vec<TableFrame<'a>, MAX_FRAMES>,
    pins: u64,
}

impl<'a> GrantTable<'a> {
    /// An empty table of `domain`, of at most `max_frames` (and [`MAX_FRAMES`]).
    #[must_use]
    pub const fn new(domain: DomId, max_frames: usize) -> Self {
        let max_frames = if max_frames < MAX_FRAMES { max_frames } else { MAX_FRAMES };
        Self { domain, max_frames, frames: Vec::new(), pins: 0 }
    }

    /// The granting domain.
    #[must_use]
    pub const fn domain(&self) -> DomId {
        self.domain
    }

    /// Frames in use.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    /// Most frames it may have.
    #[must_use]
    pub const fn max_frames(&self) -> usize {
        self.max_frames
    }

    /// Uses of all entries. A domain that is gone keeps its table until this is 0.
    #[must_use]
    pub const fn pins(&self) -> u64 {
        self.pins
    }

    /// Where a frame of the table is.
    #[must_use]
    pub fn mfn(&self, frame: usize) -> Option<Mfn> {
        self.frames.get(frame).map(|frame| frame.mfn)
    }

    /// Number of entries.
    #[must_use]
    pub fn entries(&self) -> u32 {
        u32::try_from(self.frames.len().saturating_mul(ENTRIES_PER_FRAME)).unwrap_or(u32::MAX)
    }

    /// Grows the table to `frames`; a smaller number changes nothing. `EINVAL` beyond the limit;
    /// when memory runs out on the way, what was added stays.
    pub fn grow(
        &mut self,
        frames: usize,
        mut new_frame: impl FnMut() -> Result<TableFrame<'a>, Errno>,
    ) -> Result<(), Errno> {
        if frames > self.max_frames {
            return Err(Errno::Einval);
        }
        while self.frames.len() < frames {
            self.frames.push(new_frame()?).map_err(|_| Errno::Einval)?;
        }
        Ok(())
    }

    /// Takes a grant into use for `user`, and returns the machine frame it grants, which `machine`
    /// finds behind the one that the entry names. The caller checks that the frame is the
    /// granter's, and unpins if not.
    pub fn pin(
        &mut self,
        reference: GrantRef,
        user: DomId,
        access: Access,
        purpose: Use,
        machine: impl FnOnce(u32) -> Option<u32>,
    ) -> Result<u32, GrantStatus> {
        let (shared, active) = self.entry_mut(reference).ok_or(GrantStatus::BAD_GNTREF)?;
        active.pin(shared, user, access, purpose, machine)?;
        let frame = active.frame;
        self.pins = self.pins.saturating_add(1);
        Ok(frame)
    }

    /// Ends one use. `false`: there was none, which is a fault of the books.
    pub fn unpin(&mut self, reference: GrantRef, access: Access) -> bool {
        let Some((shared, active)) = self.entry_mut(reference) else { return false };
        let ended = active.unpin(shared, access);
        if ended {
            self.pins = self.pins.saturating_sub(1);
        }
        ended
    }

    /// The record of a grant.
    #[must_use]
    pub fn active(&self, reference: GrantRef) -> Option<&Active> {
        let (frame, page, entry) = place(reference)?;
        self.frames.get(frame)?.active.get(page)?.get(entry)
    }

    /// The guest's part of a grant.
    #[must_use]
    pub fn shared(&self, reference: GrantRef) -> Option<&'a SharedGrantEntry> {
        let index = usize::try_from(reference.get()).ok()?;
        let frame = self.frames.get(index.checked_div(ENTRIES_PER_FRAME)?)?;
        frame.shared.get(index.checked_rem(ENTRIES_PER_FRAME)?)
    }

    /// Swaps two unused entries.
    pub fn swap(&mut self, one: GrantRef, other: GrantRef) -> Result<(), GrantStatus> {
        let used = |reference| self.active(reference).map(|active| active.pins > 0);
        let one_used = used(one).ok_or(GrantStatus::BAD_GNTREF)?;
        let other_used = used(other).ok_or(GrantStatus::BAD_GNTREF)?;
        if one_used || other_used {
            return Err(GrantStatus::EAGAIN);
        }
        if let (Some(one), Some(other)) = (self.shared(one), self.shared(other)) {
            let (header, frame) = (one.header.load(Relaxed), one.frame.load(Relaxed));
            one.frame.store(other.frame.load(Relaxed), Relaxed);
            one.header.store(other.header.load(Relaxed), Relaxed);
            other.frame.store(frame, Relaxed);
            other.header.store(header, Relaxed);
        }
        Ok(())
    }

    /// Gives back a frame with its records, for the end of the domain; none while a grant is used.
    pub fn take_frame(&mut self) -> Option<TableFrame<'a>> {
        if self.pins > 0 {
            return None;
        }
        self.max_frames = 0;
        self.frames.pop()
    }

    fn entry_mut(&mut self, reference: GrantRef) -> Option<(&'a SharedGrantEntry, &mut Active)> {
        let shared = self.shared(reference)?;
        let (frame, page, entry) = place(reference)?;
        let active = self.frames.get_mut(frame)?.active.get_mut(page)?.get_mut(entry)?;
        Some((shared, active))
    }
}

/// Frame, page of records and record of a reference.
fn place(reference: GrantRef) -> Option<(usize, usize, usize)> {
    let index = usize::try_from(reference.get()).ok()?;
    let frame = index.checked_div(ENTRIES_PER_FRAME)?;
    let in_frame = index.checked_rem(ENTRIES_PER_FRAME)?;
    Some((frame, in_frame.checked_div(ACTIVE_PER_PAGE)?, in_frame.checked_rem(ACTIVE_PER_PAGE)?))
}
