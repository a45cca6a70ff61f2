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
//!             ramdisk           here instead, and not mapped, if the kernel says MOD_START_PFN
//!             p2m list          here instead, and mapped elsewhere, if it says INIT_P2M
//!             its tables        L3 first
//! ```
use crate::{BuildError, Image};
use core::ops::{Range, RangeInclusive};
use xen_abi::frame::{PAGE_SHIFT, PAGE_SIZE, Pfn, VirtAddr};
use xen_abi::mmu::{HYPERVISOR_VIRT_END, HYPERVISOR_VIRT_START};

/// The initial area ends at a multiple of this many pages.
const END_ALIGNMENT_PAGES: u64 = 1024;
/// At least this many pages are free behind the stack.
const SLACK_PAGES: u64 = 128;
/// Address bits below the index into the L4.
const L4_SHIFT: u32 = 39;
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
    /// One behind the last pfn of the initial area, which is mapped from pfn 0 on.
    pub mapped_end: u64,
    /// Where the p2m list is mapped, if not in the initial area.
    pub p2m_window: Option<P2mWindow>,
    pub(crate) virt_base: u64,
}

/// A mapping of the p2m list by itself, for a kernel with the note INIT_P2M.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct P2mWindow {
    /// The list's virtual address.
    pub base: VirtAddr,
    /// Its page tables below the common L4, the L3 first. They are mapped nowhere.
    pub tables: Range<u64>,
}

impl Layout {
    /// Plans the domain.
    ///
    /// # Errors
    /// [`BuildError::TooLittleMemory`] when the plan does not fit `nr_pages`,
    /// [`BuildError::BadAddresses`] when it would reach into Xen's part of the address space.
    pub fn plan<E>(image: &Image<'_>, params: &Params) -> Result<Self, BuildError<E>> {
        let layout = Self::place(image, params).ok_or(BuildError::BadAddresses)?;
        layout.check()?;
        Ok(layout)
    }

    fn place(image: &Image<'_>, params: &Params) -> Option<Self> {
        let virt_base = image.virt_base().get();
        let ramdisk_pages = pages(params.ramdisk_bytes)?;
        let p2m_pages = pages(params.nr_pages.checked_mul(8)?)?;
        let mut initial = Cursor(pages(image.end().get().wrapping_sub(virt_base))?);
        let mut ramdisk = initial.take(if image.unmapped_ramdisk() { 0 } else { ramdisk_pages })?;
        let mut p2m = initial.take(if image.p2m_base().is_some() { 0 } else { p2m_pages })?;
        let start_info = initial.page()?;
        let xenstore = if params.has_rings { Some(initial.page()?) } else { None };
        let console = if params.has_rings { Some(initial.page()?) } else { None };
        let (tables, mapped_end) = tables_and_end(virt_base, initial.0)?;
        let mut behind = Cursor(mapped_end);
        if image.unmapped_ramdisk() {
            ramdisk = behind.take(ramdisk_pages)?;
        }
        let mut p2m_window = None;
        if let Some(base) = image.p2m_base() {
            p2m = behind.take(p2m_pages)?;
            // All but the L4.
            let tables = tables_for(base.get() >> PAGE_SHIFT, p2m_pages)?.checked_sub(1)?;
            p2m_window = Some(P2mWindow { base, tables: behind.take(tables)? });
        }
        Some(Self {
            nr_pages: params.nr_pages,
            ramdisk,
            ramdisk_bytes: params.ramdisk_bytes,
            p2m,
            start_info,
            xenstore,
            console,
            page_tables: initial.0..tables,
            stack: Pfn::new(tables),
            mapped_end,
            p2m_window,
            virt_base,
        })
    }

    fn check<E>(&self) -> Result<(), BuildError<E>> {
        let window_end = self.p2m_window.as_ref().map_or(0, |window| window.tables.end);
        let end = self.mapped_end.max(self.ramdisk.end).max(window_end);
        if end > self.nr_pages {
            let kib = |pages: u64| pages.saturating_mul(4);
            return Err(BuildError::TooLittleMemory {
                needed_kib: kib(end),
                given_kib: kib(self.nr_pages),
            });
        }
        let initial = guest_l4_slots(VirtAddr::new(self.virt_base), self.mapped_end);
        let initial = initial.ok_or(BuildError::BadAddresses)?;
        let Some(window) = &self.p2m_window else { return Ok(()) };
        let list = self.p2m.end.saturating_sub(self.p2m.start);
        match guest_l4_slots(window.base, list) {
            // The window's tables are its own from the L3 on, and it has only one of these.
            Some(slots) if slots.start() == slots.end() && !initial.contains(slots.start()) => {
                Ok(())
            }
            _ => Err(BuildError::BadAddresses),
        }
    }

    /// Whether the initial tables map the ramdisk.
    pub(crate) fn maps_ramdisk(&self) -> bool {
        self.ramdisk.end <= self.mapped_end
    }

    /// The virtual address at which the initial tables map a pfn of the plan.
    #[must_use]
    pub fn address(&self, pfn: Pfn) -> VirtAddr {
        // The plan was checked to lie inside the address space.
        VirtAddr::new(self.virt_base.wrapping_add(pfn.get() << PAGE_SHIFT))
    }
}

/// The next free pfn.
struct Cursor(u64);

impl Cursor {
    fn take(&mut self, count: u64) -> Option<Range<u64>> {
        let start = self.0;
        self.0 = start.checked_add(count)?;
        Some(start..self.0)
    }

    fn page(&mut self) -> Option<Pfn> {
        Some(Pfn::new(self.take(1)?.start))
    }
}

/// The L4 entries, counted from address 0, that `pages` pages from `base` on need; `None` unless
/// all of them are a guest's to use.
fn guest_l4_slots(base: VirtAddr, pages: u64) -> Option<RangeInclusive<u64>> {
    let last = base.get().checked_add(pages.checked_mul(PAGE_SIZE as u64)?.checked_sub(1)?)?;
    let last = VirtAddr::new(last);
    let below = last.get() < HYPERVISOR_VIRT_START;
    let above = base.get() >= HYPERVISOR_VIRT_END;
    let allowed = base.is_canonical() && last.is_canonical() && (below || above);
    allowed.then_some(base.get() >> L4_SHIFT..=last.get() >> L4_SHIFT)
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
