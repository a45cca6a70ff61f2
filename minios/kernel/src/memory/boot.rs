// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory at boot: what both kinds of guest do alike around
//! [`init_memory`](crate::arch::platform::Platform::init_memory).
use minios_core::page_bitmap::{PageBitmap, words_for};
use minios_core::page_ranges::PageRanges;
use xen_abi::frame::PAGE_SIZE;
use xen_abi::mmu::PteFlags;

use super::page_table::{EXECUTE, READ_ONLY, READ_WRITE};
use super::{heap, page};
use crate::arch::{image, platform, size};

const PAGE: u64 = PAGE_SIZE as u64;

/// What a platform leaves: all memory mapped, and which of it nothing uses.
pub(crate) struct BootMemory {
    /// Free pages, with those that `boot` has given meanwhile.
    pub(crate) free: PageRanges,
    /// Gives pages of one range of `free`.
    pub(crate) boot: BootPages,
}

/// Pages taken one after the other, before there is an allocator.
pub(crate) struct BootPages {
    start: u64,
    next: u64,
}

impl BootPages {
    /// Pages from address `start` on. Who makes this sees to it that they are free and mapped.
    pub(crate) fn new(start: u64) -> Self {
        Self { start, next: start }
    }

    /// Address of `count` zeroed pages.
    pub(crate) fn take(&mut self, count: usize) -> u64 {
        let address = self.next;
        self.next += count as u64 * PAGE;
        let pages = core::ptr::with_exposed_provenance_mut::<u8>(size(address));
        // SAFETY: mapped as said, and used by nobody yet.
        unsafe { pages.write_bytes(0, count * PAGE_SIZE) };
        address
    }
}

/// Takes over all of the domain's memory, and makes the allocators.
pub(crate) fn init() {
    let BootMemory { mut free, mut boot } = platform().init_memory();
    let pages = size(free.end());
    let words = boot.take(words_for(pages).div_ceil(PAGE_SIZE / 8));
    let words = core::ptr::with_exposed_provenance_mut(size(words));
    // SAFETY: boot.take gave these pages for the bitmap alone; they are mapped and zeroed.
    let words = unsafe { core::slice::from_raw_parts_mut(words, words_for(pages)) };
    free.remove(boot.start / PAGE..boot.next / PAGE);
    let mut bitmap = PageBitmap::new(words, pages);
    for range in free.iter() {
        bitmap.give(size(range.start), size(range.end - range.start));
    }
    page::init(bitmap);
    heap::init(size(boot.next / PAGE));
}

/// The rights that a page of ours needs by what the image has there; `None` if nothing may touch
/// it: page zero, so that a null pointer faults, and the page below the stack.
pub(crate) fn rights(va: u64) -> Option<PteFlags> {
    let symbols = image::symbols().as_ptr_range();
    let symbols = symbols.start.addr() as u64..symbols.end.addr() as u64;
    match va {
        _ if va == 0 || va == image::stack_guard() => None,
        _ if image::text().contains(&va) => Some(EXECUTE),
        _ if image::rodata().contains(&va) || symbols.contains(&va) => Some(READ_ONLY),
        _ => Some(READ_WRITE),
    }
}
