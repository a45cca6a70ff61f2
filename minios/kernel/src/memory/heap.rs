// SPDX-License-Identifier: MIT OR Apache-2.0
//! The heap: one range that starts behind what the builder made and grows upward, page by page,
//! as long as the pages above it are free.
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use linked_list_allocator::Heap;
use xen_abi::frame::PAGE_SIZE;

use super::page;
use crate::lock::Lock;

/// Pages by which the heap grows at least.
const STEP: usize = 16;

static HEAP: Lock<State> = Lock::new(State { heap: Heap::empty(), high_water: 0 });

struct State {
    heap: Heap,
    high_water: usize,
}

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
    // SAFETY: the pages are mapped and were just taken for the heap alone, for good.
    unsafe { HEAP.lock().heap.init(start, STEP * PAGE_SIZE) };
}

pub(super) fn statistics() -> Statistics {
    let state = HEAP.lock();
    Statistics { size: state.heap.size(), used: state.heap.used(), high_water: state.high_water }
}

impl State {
    fn alloc(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let block = match self.heap.allocate_first_fit(layout) {
            Ok(block) => block,
            Err(()) => {
                self.grow(layout)?;
                self.heap.allocate_first_fit(layout).ok()?
            }
        };
        self.high_water = self.high_water.max(self.heap.used());
        Some(block)
    }

    /// Adds pages for at least one block of this layout; fewer than a step if memory is short.
    fn grow(&mut self, layout: Layout) -> Option<()> {
        let need = layout.size().checked_add(layout.align())?.checked_add(PAGE_SIZE)?;
        let need = need.div_ceil(PAGE_SIZE);
        let top = self.heap.top().addr().div_ceil(PAGE_SIZE);
        let pages = [need.max(STEP), need].into_iter().find(|&pages| page::take(top, pages))?;
        // SAFETY: the pages are mapped, follow the heap's last ones and were just taken for it.
        unsafe { self.heap.extend(pages * PAGE_SIZE) };
        Some(())
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
        HEAP.lock().alloc(layout).map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(block) = NonNull::new(block) else { return };
        // SAFETY: the caller promises that `alloc` gave the block for this layout.
        unsafe { HEAP.lock().heap.deallocate(block, layout) };
    }
}
