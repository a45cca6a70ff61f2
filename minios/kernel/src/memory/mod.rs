// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory: the domain's own, and what others let us see.
//!
//! - All of the domain's memory is mapped at VA = pfn << 12 and split between the heap (from the
//!   bottom up) and whole pages (from the top down): [`Page`].
//! - [`SharedPages`] is memory that somebody else reads or writes too: our pages that we grant,
//!   frames of another domain ([`map_foreign`], [`crate::grant_table::map`]), registers of a device
//!   ([`map_mmio`]), buffers a device reads and writes ([`alloc_contiguous`]).
//!
//! ```no_run
//! # use minios::memory::SharedPages;
//! let ring = SharedPages::alloc(1)?;
//! ring.store_u32(0, 7);
//! assert_eq!(ring.load_u32(0), 7);
//! # Ok::<(), minios::Errno>(())
//! ```
mod area;
mod boot;
mod contiguous;
mod foreign;
mod heap;
pub(crate) mod p2m;
mod page;
pub(crate) mod page_table;
mod shared_pages;
mod usage;

pub use contiguous::alloc_contiguous;
pub use foreign::{map_foreign, map_mmio};
pub use page::Page;
pub use shared_pages::SharedPages;
pub use usage::{Usage, usage};

pub(crate) use area::{Reserved, START as AREA_START};
pub(crate) use boot::{BootMemory, BootPages, init, rights};
pub(crate) use p2m::{own_page, pfn_to_mfn, virt_to_mfn};
pub(crate) use page_table::{READ_ONLY, READ_WRITE, Updates, map_pages, slot_for, unmap_pages};
