// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Buddy`]: the allocator of machine frames, in blocks of a power of two.
//!
//! Free blocks are linked through the frame table, so the allocator needs no memory of its own.
//! Blocks are sorted by order and by zone: zone `z` holds the blocks whose first frame number has
//! `z` significant bits, so that frames below an address are found without a search.
use xen_abi::frame::{Mfn, PAGE_SHIFT};

use crate::frame_table::FrameTable;
use crate::page_info::{Link, State};

#[cfg(test)]
mod tests;

/// Order of the largest block: 1 GiB.
pub const MAX_ORDER: u32 = 18;
const ORDERS: usize = MAX_ORDER as usize + 1;
/// Frame numbers have at most 32 bits ([`crate::page_info::Link`]).
const ZONES: usize = 33;

/// The free frames.
#[derive(Debug)]
pub struct Buddy {
    zones: [Zone; ZONES],
    /// Bit `z` is set where zone `z` has a block.
    occupied: u64,
    free_frames: u64,
}

/// The free blocks whose first frame number has a certain number of significant bits.
#[derive(Debug)]
struct Zone {
    heads: [Link; ORDERS],
    /// Bit `n` is set where the list of order `n` is not empty.
    present: u32,
}

impl Zone {
    const fn new() -> Self {
        Self { heads: [const { Link::none() }; ORDERS], present: 0 }
    }

    /// The first block of the list of `order`.
    fn head(&self, order: u32) -> &Link {
        let head = self.heads.get(order as usize);
        assert!(head.is_some(), "order {order}");
        match head {
            Some(head) => head,
            None => unreachable!("asserted"),
        }
    }
}

impl Default for Buddy {
    fn default() -> Self {
        Self::new()
    }
}

impl Buddy {
    /// No free frames.
    #[must_use]
    pub const fn new() -> Self {
        Self { zones: [const { Zone::new() }; ZONES], occupied: 0, free_frames: 0 }
    }

    /// Number of free frames.
    #[must_use]
    pub const fn free_frames(&self) -> u64 {
        self.free_frames
    }

    /// Gives the frames `[first, end)` to the allocator, at boot. Frame 0 and frames beyond the
    /// table are left out.
    pub fn add(&mut self, table: FrameTable<'_>, first: Mfn, end: Mfn) {
        let end = end.get().min(table.len());
        let mut at = first.get().max(1);
        while at < end {
            let room = end.saturating_sub(at).ilog2();
            let order = at.trailing_zeros().min(room).min(MAX_ORDER);
            self.free(table, Mfn::new(at), order);
            at = at.saturating_add(1 << order);
        }
    }

    /// Allocates `1 << order` frames, aligned to their number, or nothing. They belong to the
    /// hypervisor and hold what they last held.
    pub fn alloc(&mut self, table: FrameTable<'_>, order: u32) -> Option<Mfn> {
        self.alloc_below(table, order, u64::BITS)
    }

    /// Allocates `1 << order` frames whose addresses have at most `address_bits` bits.
    pub fn alloc_below(
        &mut self,
        table: FrameTable<'_>,
        order: u32,
        address_bits: u32,
    ) -> Option<Mfn> {
        if order > MAX_ORDER {
            return None;
        }
        let (zone, found) = self.find(order, address_bits)?;
        let block = self.zones.get(zone)?.head(found).get()?;
        self.unlink(table, block, found);
        for part in (order..found).rev() {
            self.link(table, Mfn::new(block.get().saturating_add(1 << part)), part);
        }
        self.free_frames = self.free_frames.saturating_sub(1 << order);
        Some(block)
    }

    /// The highest zone with a block of at least `order` whose addresses have at most
    /// `address_bits` bits, and the least order of such a block: low memory is scarce.
    fn find(&self, order: u32, address_bits: u32) -> Option<(usize, u32)> {
        let highest = address_bits.saturating_sub(PAGE_SHIFT);
        let mut zones = self.occupied & 2_u64.unbounded_shl(highest).wrapping_sub(1);
        loop {
            let zone = zones.checked_ilog2()?;
            let present = self.zones.get(zone as usize)?.present >> order;
            if present != 0 {
                return Some((zone as usize, order.saturating_add(present.trailing_zeros())));
            }
            zones ^= 1 << zone;
        }
    }

    /// Takes back `1 << order` frames, aligned to their number, which belong to the hypervisor.
    ///
    /// # Panics
    /// If a frame of them is in use or free already.
    pub fn free(&mut self, table: FrameTable<'_>, block: Mfn, order: u32) {
        let last = Mfn::new(block.get().saturating_add(1 << order).saturating_sub(1));
        for mfn in [block, last] {
            let state = table.frame(mfn).state();
            assert!(state == State::HYPERVISOR, "freed frame {:#x} in use", mfn.get());
        }
        self.free_frames = self.free_frames.saturating_add(1 << order);
        let (mut block, mut order) = (block, order);
        while order < MAX_ORDER {
            let buddy = Mfn::new(block.get() ^ (1 << order));
            let state = table.get(buddy).map(|page| page.state());
            if state.and_then(State::free_order) != Some(order) {
                break;
            }
            self.unlink(table, buddy, order);
            block = block.min(buddy);
            order = order.saturating_add(1);
        }
        self.link(table, block, order);
    }

    /// The zone that a block belongs to, and its number.
    fn zone(&mut self, block: Mfn) -> (u32, &mut Zone) {
        let number = u64::BITS.saturating_sub(block.get().leading_zeros());
        let zone = self.zones.get_mut(number as usize);
        assert!(zone.is_some(), "block {:#x}", block.get());
        match zone {
            Some(zone) => (number, zone),
            None => unreachable!("asserted"),
        }
    }

    fn link(&mut self, table: FrameTable<'_>, block: Mfn, order: u32) {
        let page = table.frame(block);
        let (number, zone) = self.zone(block);
        let head = zone.head(order);
        let next = head.get();
        page.set_state(State::free(order));
        page.prev().set(None);
        page.next().set(next);
        if let Some(next) = next {
            table.frame(next).prev().set(Some(block));
        }
        head.set(Some(block));
        zone.present |= 1 << order;
        self.occupied |= 1 << number;
    }

    fn unlink(&mut self, table: FrameTable<'_>, block: Mfn, order: u32) {
        let page = table.frame(block);
        let (prev, next) = (page.prev().get(), page.next().get());
        if let Some(next) = next {
            table.frame(next).prev().set(prev);
        }
        match prev {
            Some(prev) => table.frame(prev).next().set(next),
            None => self.set_head(block, order, next),
        }
        page.prev().set(None);
        page.next().set(None);
        page.set_state(State::HYPERVISOR);
    }

    /// The list of `block`, its first one, now begins with `next`.
    fn set_head(&mut self, block: Mfn, order: u32, next: Option<Mfn>) {
        let (number, zone) = self.zone(block);
        zone.head(order).set(next);
        if next.is_some() {
            return;
        }
        zone.present &= !(1 << order);
        if zone.present == 0 {
            self.occupied &= !(1 << number);
        }
    }
}
