// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which frame of a new PVH domain holds what.
//!
//! ```text
//! 0            memory; the kernel where it wants to be
//!              ramdisk, page aligned, behind the kernel
//!              start info: 1 page, behind the ramdisk
//! 0xf0000000   a hole, if the domain has more memory
//! 0xfc000000   ACPI tables: 1 page
//! 0xfeff8000   special pages: 8, of which two exist: xenstore (5th), console (last)
//! 0x100000000  the rest of memory
//! ```
use core::ops::Range;

use heapless::Vec;
use xen_abi::frame::{Gfn, PAGE_SHIFT, PAGE_SIZE, Pfn};
use xen_abi::memory::{E820_ACPI, E820_RAM, E820_RESERVED, E820Entry};

use super::PvhImage;
use crate::BuildError;

/// Where the hole begins in memory, and where it ends.
const HOLE: Range<u64> = 0xf_0000..0x10_0000;
/// The frame with the ACPI tables.
pub const ACPI: Gfn = Gfn::new(0xf_c000);
/// The first special page.
const SPECIAL: u64 = 0xf_eff8;
/// Number of special pages.
const SPECIAL_PAGES: u64 = 8;
/// The ring to xenstored.
pub const XENSTORE: Gfn = Gfn::new(SPECIAL + 4);
/// The console's ring.
pub const CONSOLE: Gfn = Gfn::new(SPECIAL + 7);
/// Parts of a memory map at most.
pub const MAX_MAP: usize = 4;

/// The plan of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PvhLayout {
    /// Pages of memory, the special ones not counted.
    pub nr_pages: u64,
    /// The ramdisk, in pages.
    pub ramdisk: Range<u64>,
    /// Bytes of the ramdisk.
    pub ramdisk_bytes: u64,
    /// The page with start info, module list, memory map and command line.
    pub start_info: Pfn,
}

impl PvhLayout {
    /// Plans a domain of `nr_pages` with a ramdisk of so many bytes, 0 for none.
    ///
    /// # Errors
    /// [`BuildError::TooLittleMemory`] when kernel and ramdisk do not fit below the hole.
    pub fn plan<E>(
        image: &PvhImage<'_>,
        nr_pages: u64,
        ramdisk_bytes: u64,
    ) -> Result<Self, BuildError<E>> {
        let page = PAGE_SIZE as u64;
        let first = image.end().div_ceil(page);
        let end = first.saturating_add(ramdisk_bytes.div_ceil(page));
        let needed = end.saturating_add(1);
        let below_hole = nr_pages.min(HOLE.start);
        if needed > below_hole {
            let kib = |pages: u64| pages.saturating_mul(4);
            return Err(BuildError::TooLittleMemory {
                needed_kib: kib(needed),
                given_kib: kib(below_hole),
            });
        }
        Ok(Self { nr_pages, ramdisk: first..end, ramdisk_bytes, start_info: Pfn::new(end) })
    }

    /// The frames of memory: below the hole, and above it if there are more.
    pub fn memory(&self) -> impl Iterator<Item = Range<u64>> + use<> {
        let below = self.nr_pages.min(HOLE.start);
        let above = self.nr_pages.saturating_sub(below);
        [0..below, HOLE.end..HOLE.end.saturating_add(above)].into_iter().filter(|r| !r.is_empty())
    }

    /// The memory map, as `XENMEM_memory_map` and the start info have it.
    #[must_use]
    pub fn memory_map(&self) -> Vec<E820Entry, MAX_MAP> {
        let range = |first: u64, pages: u64, kind| E820Entry {
            addr: first << PAGE_SHIFT,
            size: pages << PAGE_SHIFT,
            kind,
        };
        let ram = |part: Range<u64>| range(part.start, part.end.wrapping_sub(part.start), E820_RAM);
        let mut memory = self.memory().map(ram);
        let special =
            [range(ACPI.get(), 1, E820_ACPI), range(SPECIAL, SPECIAL_PAGES, E820_RESERVED)];
        memory.next().into_iter().chain(special).chain(memory).collect()
    }
}
