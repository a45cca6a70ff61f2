// SPDX-License-Identifier: MIT OR Apache-2.0
//! The initial page tables: they map the initial area, themselves read-only, and the p2m list
//! where it has a window of its own.
use crate::memory::DomainMemory;
use crate::{BuildError, Layout};
use core::ops::Range;
use xen_abi::frame::{PAGE_SHIFT, PAGE_SIZE, Pfn};
use xen_abi::mmu::{ENTRIES, Pte, PteFlags};

/// Index bits of one level.
const LEVEL_BITS: u32 = 9;
/// The level of the root, which all areas share.
const ROOT: u32 = 4;

/// Writes all tables of the plan.
pub(crate) fn write<M: DomainMemory>(
    layout: &Layout,
    memory: &mut M,
) -> Result<(), BuildError<M::Error>> {
    let mut root = [0; PAGE_SIZE];
    let initial = Area {
        first_page: layout.virt_base >> PAGE_SHIFT,
        pfns: 0..layout.mapped_end,
        tables: layout.page_tables.start.saturating_add(1),
        read_only: layout.page_tables.clone(),
    };
    initial.write(memory, &mut root)?;
    if let Some(window) = &layout.p2m_window {
        let list = Area {
            first_page: window.base.get() >> PAGE_SHIFT,
            pfns: layout.p2m.clone(),
            tables: window.tables.start,
            read_only: 0..0,
        };
        list.write(memory, &mut root)?;
    }
    memory.write(Pfn::new(layout.page_tables.start), 0, &root).map_err(BuildError::Memory)
}

/// A run of pages to map.
struct Area {
    /// The virtual page of the first one, counted from address 0.
    first_page: u64,
    pfns: Range<u64>,
    /// The pfn of the first table. They lie in the order L3s, L2s, L1s.
    tables: u64,
    /// Those of the pages that may not be written.
    read_only: Range<u64>,
}

impl Area {
    fn write<M: DomainMemory>(
        &self,
        memory: &mut M,
        root: &mut [u8; PAGE_SIZE],
    ) -> Result<(), BuildError<M::Error>> {
        let count = self.pfns.end.saturating_sub(self.pfns.start);
        let last_page = self.first_page.saturating_add(count).saturating_sub(1);
        let slots = |level: u32| {
            let shift = LEVEL_BITS.saturating_mul(level.saturating_sub(1));
            (self.first_page >> shift, last_page >> shift)
        };
        let mut below = self.tables;
        for level in (1..=ROOT).rev() {
            let used = slots(level);
            let (first, last) = slots(level.saturating_add(1));
            let table = below;
            if level < ROOT {
                // The next lower level starts behind the last table of this one.
                below = table.saturating_add(last.saturating_sub(first)).saturating_add(1);
            }
            let children = Children { area: self, level, below, used };
            if level == ROOT {
                children.fill(memory, first, root);
                continue;
            }
            for (pfn, number) in (table..).zip(first..=last) {
                let mut bytes = [0; PAGE_SIZE];
                children.fill(memory, number, &mut bytes);
                memory.write(Pfn::new(pfn), 0, &bytes).map_err(BuildError::Memory)?;
            }
        }
        Ok(())
    }
}

/// What the tables of one level point at.
struct Children<'a> {
    area: &'a Area,
    level: u32,
    /// The pfn of the first table one level below.
    below: u64,
    /// The first and last used entry, counted from address 0 over all tables of the level.
    used: (u64, u64),
}

impl Children<'_> {
    /// Fills in table `number` of the level, counted from address 0.
    fn fill<M: DomainMemory>(&self, memory: &M, number: u64, table: &mut [u8; PAGE_SIZE]) {
        let slots = (number << LEVEL_BITS)..;
        for (cell, slot) in table.chunks_exact_mut(8).zip(slots.take(ENTRIES)) {
            if (self.used.0..=self.used.1).contains(&slot) {
                let entry = self.entry(memory, slot.wrapping_sub(self.used.0));
                cell.copy_from_slice(&entry.raw().to_le_bytes());
            }
        }
    }

    /// The entry for the `index`th used slot.
    fn entry<M: DomainMemory>(&self, memory: &M, index: u64) -> Pte {
        let common = PteFlags::PRESENT | PteFlags::USER | PteFlags::ACCESSED;
        let writable = PteFlags::WRITABLE | PteFlags::DIRTY;
        if self.level > 1 {
            let table = Pfn::new(self.below.wrapping_add(index));
            return Pte::new(memory.mfn(table), common | writable);
        }
        let pfn = self.area.pfns.start.wrapping_add(index);
        let read_only = self.area.read_only.contains(&pfn);
        let flags = if read_only { common } else { common | writable };
        Pte::new(memory.mfn(Pfn::new(pfn)), flags)
    }
}
