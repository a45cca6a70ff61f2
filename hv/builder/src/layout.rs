// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which pfn of the new domain holds what.
//!
//! In ascending order, each part page aligned (Xen's `tools/libs/guest` and its dom0 builder):
//!
//! ```text
//! virt_base   plain memory, if the kernel does not start at pfn 0
//!             kernel
//!             ramdisk
//!             p2m list          8 bytes a page of the domain
//!             start_info        1 page
//!             xenstore, console 1 page each, not for the first domain
//!             page tables       L4 first
//!             boot stack        1 page
//! mapped_end  the next multiple of 4 MiB that leaves 512 KiB free behind the stack
//! ```
use crate::{BuildError, Image};
use core::ops::Range;
use xen_abi::frame::{PAGE_SHIFT, PAGE_SIZE, Pfn, VirtAddr};
use xen_abi::mmu::{HYPERVISOR_VIRT_END, HYPERVISOR_VIRT_START};

/// The initial area ends at a multiple of this many pages.
const END_ALIGNMENT_PAGES: u64 = 1024;
/// At least this many pages are free behind the stack.
const SLACK_PAGES: u64 = 128;
/// Pages that one table of each level maps: L1, L2, L3, L4.
const TABLE_SPANS: [u32; 4] = [9, 18, 27, 36];

/// What the caller decides of a domain.
#[derive(Clone, Copy, Debug)]
pub struct Params {
    /// Memory of the domain, in pages.
    pub nr_pages: u64,
    /// Size of its ramdisk, in bytes; 0 for none.
    pub ramdisk_bytes: u64,
    /// Whether it gets a xenstore and a console page: every domain but the first.
    pub has_rings: bool,
}

/// The plan of a domain's initial area, in pfns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Pages of the domain.
    pub nr_pages: u64,
    /// The ramdisk.
    pub ramdisk: Range<u64>,
    /// Bytes of the ramdisk.
    pub ramdisk_bytes: u64,
    /// The p2m list.
    pub p2m: Range<u64>,
    /// The start_info page.
    pub start_info: Pfn,
    /// The xenstore ring's page.
    pub xenstore: Option<Pfn>,
    /// The console ring's page.
    pub console: Option<Pfn>,
    /// The page tables, the L4 first.
    pub page_tables: Range<u64>,
    /// The page of the boot stack.
    pub stack: Pfn,
    /// One behind the last pfn that the initial page tables map.
    pub mapped_end: u64,
    pub(crate) virt_base: u64,
}

impl Layout {
    /// Plans the domain.
    ///
    /// # Errors
    /// [`BuildError::TooLittleMemory`] when the initial area does not fit `nr_pages`,
    /// [`BuildError::BadAddresses`] when it would reach into Xen's part of the address space.
    pub fn plan<E>(image: &Image<'_>, params: &Params) -> Result<Self, BuildError<E>> {
        let bad = || BuildError::BadAddresses;
        let virt_base = image.virt_base().get();
        let kernel_end = pages(image.end().get().wrapping_sub(virt_base)).ok_or_else(bad)?;
        let mut next = kernel_end;
        let mut take = |count: u64| -> Result<Range<u64>, BuildError<E>> {
            let start = next;
            next = start.checked_add(count).ok_or_else(bad)?;
            Ok(start..next)
        };
        let ramdisk = take(pages(params.ramdisk_bytes).ok_or_else(bad)?)?;
        let p2m_bytes = params.nr_pages.checked_mul(8).ok_or_else(bad)?;
        let p2m = take(pages(p2m_bytes).ok_or_else(bad)?)?;
        let start_info = Pfn::new(take(1)?.start);
        let mut ring = || -> Result<Option<Pfn>, BuildError<E>> {
            if params.has_rings { Ok(Some(Pfn::new(take(1)?.start))) } else { Ok(None) }
        };
        let (xenstore, console) = (ring()?, ring()?);
        let (tables, mapped_end) = tables_and_end(virt_base, next).ok_or_else(bad)?;
        let page_tables = next..tables;
        let layout = Self {
            nr_pages: params.nr_pages,
            ramdisk,
            ramdisk_bytes: params.ramdisk_bytes,
            p2m,
            start_info,
            xenstore,
            console,
            page_tables,
            stack: Pfn::new(tables),
            mapped_end,
            virt_base,
        };
        layout.check()?;
        Ok(layout)
    }

    fn check<E>(&self) -> Result<(), BuildError<E>> {
        if self.mapped_end > self.nr_pages {
            let kib = |pages: u64| pages.saturating_mul(4);
            return Err(BuildError::TooLittleMemory {
                needed_kib: kib(self.mapped_end),
                given_kib: kib(self.nr_pages),
            });
        }
        let first = VirtAddr::new(self.virt_base);
        let last = self.checked_address(self.mapped_end.wrapping_sub(1));
        let last = last.ok_or(BuildError::BadAddresses)?;
        let below = last.get() < HYPERVISOR_VIRT_START;
        let above = first.get() >= HYPERVISOR_VIRT_END;
        if first.is_canonical() && last.is_canonical() && (below || above) {
            Ok(())
        } else {
            Err(BuildError::BadAddresses)
        }
    }

    fn checked_address(&self, pfn: u64) -> Option<VirtAddr> {
        let offset = pfn.checked_mul(PAGE_SIZE as u64)?;
        Some(VirtAddr::new(self.virt_base.checked_add(offset)?))
    }

    /// The virtual address at which the initial tables map a pfn of the plan.
    #[must_use]
    pub fn address(&self, pfn: Pfn) -> VirtAddr {
        // The plan was checked to lie inside the address space.
        VirtAddr::new(self.virt_base.wrapping_add(pfn.get() << PAGE_SHIFT))
    }
}

/// Whole pages for a number of bytes.
fn pages(bytes: u64) -> Option<u64> {
    Some(bytes.checked_next_multiple_of(PAGE_SIZE as u64)? >> PAGE_SHIFT)
}

/// Where the page tables end and where the mapped area ends, for tables that start at `first`:
/// the tables map themselves, so their number is a fixed point.
fn tables_and_end(virt_base: u64, first: u64) -> Option<(u64, u64)> {
    let mut tables = 4u64;
    loop {
        let stack_end = first.checked_add(tables)?.checked_add(1)?;
        let with_slack = stack_end.checked_add(SLACK_PAGES)?;
        let end = with_slack.checked_next_multiple_of(END_ALIGNMENT_PAGES)?;
        let needed = tables_for(virt_base >> PAGE_SHIFT, end)?;
        if needed <= tables {
            return Some((first.checked_add(tables)?, end));
        }
        tables = needed;
    }
}

/// Page tables of all levels for `pages` pages from virtual page `first` on.
fn tables_for(first: u64, pages: u64) -> Option<u64> {
    let last = first.checked_add(pages)?.checked_sub(1)?;
    TABLE_SPANS.iter().try_fold(0u64, |sum, &span| {
        let tables = (last >> span).checked_sub(first >> span)?.checked_add(1)?;
        sum.checked_add(tables)
    })
}
