// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much memory is in use.
use super::{heap, page};
use crate::arch::size;
use crate::start_info::start_info;

/// Memory of the domain, in the units that the names say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// All pages of the domain.
    pub total_pages: usize,
    /// Pages that neither the image, the heap nor a [`super::Page`] has.
    pub free_pages: usize,
    /// Bytes that the heap has taken from the free pages so far.
    pub heap_bytes: usize,
    /// Bytes of the heap in use.
    pub heap_used_bytes: usize,
    /// The most bytes of the heap that were in use at one time.
    pub heap_high_water_bytes: usize,
}

/// How much memory is in use now.
///
/// ```no_run
/// let usage = minios::memory::usage();
/// log::info!("{} of {} pages free", usage.free_pages, usage.total_pages);
/// ```
#[must_use]
pub fn usage() -> Usage {
    let total_pages = size(start_info().nr_pages);
    let heap = heap::statistics();
    Usage {
        total_pages,
        free_pages: page::free(),
        heap_bytes: heap.size,
        heap_used_bytes: heap.used,
        heap_high_water_bytes: heap.high_water,
    }
}
