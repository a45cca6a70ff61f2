// SPDX-License-Identifier: MIT OR Apache-2.0
//! The heap: one range that starts behind what the builder made and grows upward, page by page,
//! as long as the pages above it are free; after that, ranges of whatever pages are left.
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use talc::DefaultBinning;
use talc::base::Talc;
use talc::source::Manual;
use xen_abi::frame::PAGE_SIZE;

use super::page::{self, PageRun};
use crate::lock::Lock;

/// Pages by which the heap grows at least.
const STEP: usize = 16;

static HEAP: Lock<Heap> =
    Lock::new(Heap { blocks: Talc::new(Manual), end: None, size: 0, used: 0, high_water: 0 });

struct Heap {
    blocks: Talc<Manual, DefaultBinning>,
    /// The end of the range that grows.
    end: Option<NonNull<u8>>,
    /// Bytes of all ranges.
    size: usize,
    /// Bytes asked for and not given back.
    used: usize,
    high_water: usize,
}

// SAFETY: it owns the memory that its pointers name; there is one thread.
unsafe impl Send for Heap {}

/// What [`super::usage`] tells of the heap, in bytes.
pub(super) struct Statistics {
    pub(super) size: usize,
    pub(super) used: usize,
    pub(super) high_water: usize,
}

/// Begins the heap with [`STEP`] pages at page number `first`.
pub(super) fn init(first: usize) {
    assert!(page::take(first, STEP), "not enough memory for a heap");
    let start = core::ptr::with_exposed_provenance_mut(first * PAGE_SIZE);
    HEAP.lock().claim(start, STEP).expect("a range of this size is enough for a heap");
}

pub(super) fn statistics() -> Statistics {
    let heap = HEAP.lock();
    Statistics { size: heap.size, used: heap.used, high_water: heap.high_water }
}

impl Heap {
    /// Adds a range of pages that were taken for the heap; it is the one that grows from now on.
    fn claim(&mut self, start: *mut u8, pages: usize) -> Option<()> {
        // SAFETY: the callers took these mapped pages for the heap alone, for good.
        self.end = Some(unsafe { self.blocks.claim(start, pages * PAGE_SIZE) }?);
        self.size += pages * PAGE_SIZE;
        Some(())
    }

    /// Adds pages for at least one block of this layout; fewer than a step if memory is short.
    fn grow(&mut self, layout: Layout) -> Option<()> {
        // A block's own overhead and a range's are far below a page.
        let need = layout.size().checked_add(layout.align())?.checked_add(PAGE_SIZE)?;
        let need = need.div_ceil(PAGE_SIZE);
        let end = self.end?;
        let first = end.addr().get().div_ceil(PAGE_SIZE);
        for pages in [need.max(STEP), need] {
            if page::take(first, pages) {
                let new_end = core::ptr::with_exposed_provenance_mut((first + pages) * PAGE_SIZE);
                // SAFETY: the pages follow the range and were just taken for it, for good.
                self.end = Some(unsafe { self.blocks.extend(end, new_end) });
                self.size += pages * PAGE_SIZE;
                return Some(());
            }
        }
        let run = PageRun::alloc(need).ok()?;
        let start = run.base();
        core::mem::forget(run);
        self.claim(start, need)
    }

    /// # Safety
    /// The layout's size is not zero.
    unsafe fn alloc(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the caller's promise.
        let block = match unsafe { self.blocks.allocate(layout) } {
            Some(block) => block,
            None => {
                self.grow(layout)?;
                // SAFETY: the caller's promise.
                unsafe { self.blocks.allocate(layout) }?
            }
        };
        self.count(layout.size(), 0);
        Some(block)
    }

    fn count(&mut self, more: usize, less: usize) {
        self.used = self.used + more - less;
        self.high_water = self.high_water.max(self.used);
    }
}

#[cfg_attr(bare, global_allocator)]
#[cfg_attr(not(bare), expect(dead_code, reason = "a check on the host has std's allocator"))]
static ALLOCATOR: Allocator = Allocator;

struct Allocator;

// SAFETY: blocks come from the one heap, which gives no byte to two of them; its lock is never
// contended (see `Lock`), and nothing here panics.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises a size that is not zero.
        let block = unsafe { HEAP.lock().alloc(layout) };
        block.map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let mut heap = HEAP.lock();
        // SAFETY: the caller promises that `alloc` gave the block for this layout.
        unsafe { heap.blocks.deallocate(block, layout) };
        heap.count(0, layout.size());
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let mut heap = HEAP.lock();
        // SAFETY: the caller promises that `alloc` gave the block for this layout.
        if unsafe { heap.blocks.try_realloc_in_place(block, layout, new_size) } {
            heap.count(new_size, layout.size());
            return block;
        }
        // SAFETY: the caller promises that the new size is one that a layout can have.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: the caller promises that the new size is not zero.
        let Some(new) = (unsafe { heap.alloc(new_layout) }) else { return core::ptr::null_mut() };
        let common = layout.size().min(new_size);
        // SAFETY: both blocks have that many bytes, and are not the same.
        unsafe { new.as_ptr().copy_from_nonoverlapping(block, common) };
        // SAFETY: as above; the block is not used any more.
        unsafe { heap.blocks.deallocate(block, layout) };
        heap.count(0, layout.size());
        new.as_ptr()
    }
}
