// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`BootMemory`]: the memory that is free before there is an allocator.
use heapless::Vec;
use xen_abi::frame::{Mfn, PAGE_SIZE};

use super::info::{BootInfo, Region};
use crate::memory::direct_map;
use crate::memory::layout::DIRECT_MAP_BYTES;

const PAGE: u64 = PAGE_SIZE as u64;
/// What the boot page tables map.
pub(super) const BOOT_MAPPED: u64 = 4 << 30;
const USABLE: u32 = 1;

/// A range of machine addresses, page aligned.
#[derive(Clone, Copy, Debug)]
pub struct FreeRange {
    /// First byte.
    pub start: u64,
    /// Behind the last byte.
    pub end: u64,
}

/// Usable memory without what the image, the modules and earlier allocations take.
pub struct BootMemory {
    free: Vec<FreeRange, 128>,
    memory_end: u64,
}

impl BootMemory {
    /// Memory that is free for the image that ends at `image_end`: everything usable above it and
    /// outside the modules. The first MiB is the firmware's.
    pub fn new(info: &BootInfo, image_end: u64) -> Self {
        let usable = info.regions.iter().filter(|region| region.kind == USABLE);
        let mut memory = Self { free: Vec::new(), memory_end: 0 };
        for region in usable.filter_map(clip) {
            memory.memory_end = memory.memory_end.max(region.end);
            memory.push(region);
        }
        memory.reserve(0, image_end);
        for module in &info.modules {
            memory.reserve(module.start, module.end);
        }
        memory
    }

    /// The address behind the last byte of memory.
    pub fn memory_end(&self) -> u64 {
        self.memory_end
    }

    /// What is free.
    pub fn free_ranges(&self) -> &[FreeRange] {
        &self.free
    }

    /// Takes `pages` contiguous frames, zeroed, below 4 GiB and for good.
    pub fn take(&mut self, pages: u64) -> Mfn {
        let bytes = pages * PAGE;
        let fits =
            |range: &&mut FreeRange| range.end <= BOOT_MAPPED && range.end - range.start >= bytes;
        let range = self.free.iter_mut().filter(fits).max_by_key(|range| range.end);
        let range = range.expect("too little memory below 4 GiB for the hypervisor's own tables");
        range.end -= bytes;
        let frame = Mfn::new(range.end / PAGE);
        for page in frame.get()..frame.get() + pages {
            direct_map::zero(Mfn::new(page));
        }
        frame
    }

    fn push(&mut self, range: FreeRange) {
        self.free.push(range).expect("memory is in more pieces than are supported");
    }

    /// Takes `[start, end)` out of the free ranges.
    fn reserve(&mut self, start: u64, end: u64) {
        let (start, end) = (start & !(PAGE - 1), end.next_multiple_of(PAGE));
        let before = core::mem::take(&mut self.free);
        for range in before {
            let below = FreeRange { start: range.start, end: range.end.min(start) };
            let above = FreeRange { start: range.start.max(end), end: range.end };
            for part in [below, above] {
                if part.start < part.end {
                    self.push(part);
                }
            }
        }
    }
}

/// The whole pages of a region which the direct map can hold and which boot can reach.
fn clip(region: &Region) -> Option<FreeRange> {
    let start = region.start.next_multiple_of(PAGE);
    let end = region.start.saturating_add(region.bytes).min(DIRECT_MAP_BYTES) & !(PAGE - 1);
    if start >= end {
        return None;
    }
    Some(FreeRange { start, end })
}
