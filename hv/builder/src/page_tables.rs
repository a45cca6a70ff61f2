// SPDX-License-Identifier: MIT OR Apache-2.0
//! The initial page tables: they map the initial area, themselves read-only.
use crate::memory::DomainMemory;
use crate::{BuildError, Layout};
use xen_abi::frame::{PAGE_SHIFT, Pfn};
use xen_abi::mmu::{ENTRIES, Pte, PteFlags};

/// Index bits of one level.
const LEVEL_BITS: u32 = 9;

/// Writes all tables of the plan. They lie in the order L4, L3s, L2s, L1s.
pub(crate) fn write<M: DomainMemory>(
    layout: &Layout,
    memory: &mut M,
) -> Result<(), BuildError<M::Error>> {
    let first_page = layout.virt_base >> PAGE_SHIFT;
    let last_page = first_page.saturating_add(layout.mapped_end).saturating_sub(1);
    let mut table = layout.page_tables.start;
    for level in (1..=4u32).rev() {
        let span = LEVEL_BITS.saturating_mul(level);
        let (first, last) = (first_page >> span, last_page >> span);
        let below = Children {
            level,
            // The next lower level starts behind the last table of this one.
            table_base: table.saturating_add(last.saturating_sub(first)).saturating_add(1),
            first_slot: first_page >> span.saturating_sub(LEVEL_BITS),
            last_slot: last_page >> span.saturating_sub(LEVEL_BITS),
        };
        for number in first..=last {
            let bytes = below.table(layout, memory, number);
            memory.write(Pfn::new(table), 0, &bytes).map_err(BuildError::Memory)?;
            table = table.saturating_add(1);
        }
    }
    Ok(())
}

/// What the tables of one level point at.
struct Children {
    level: u32,
    /// The pfn of the first table one level below.
    table_base: u64,
    /// The first and last used entry, counted from address 0 over all tables of the level.
    first_slot: u64,
    last_slot: u64,
}

impl Children {
    /// The contents of table `number` of the level, counted from address 0.
    fn table<M: DomainMemory>(&self, layout: &Layout, memory: &M, number: u64) -> [u8; 4096] {
        let mut bytes = [0; 4096];
        let slots = (number << LEVEL_BITS)..;
        for (cell, slot) in bytes.chunks_exact_mut(8).zip(slots.take(ENTRIES)) {
            if (self.first_slot..=self.last_slot).contains(&slot) {
                let entry = self.entry(layout, memory, slot.wrapping_sub(self.first_slot));
                cell.copy_from_slice(&entry.raw().to_le_bytes());
            }
        }
        bytes
    }

    /// The entry for the `index`th used slot.
    fn entry<M: DomainMemory>(&self, layout: &Layout, memory: &M, index: u64) -> Pte {
        let common = PteFlags::PRESENT | PteFlags::USER | PteFlags::ACCESSED;
        if self.level > 1 {
            let pfn = Pfn::new(self.table_base.wrapping_add(index));
            return Pte::new(memory.mfn(pfn), common | PteFlags::WRITABLE | PteFlags::DIRTY);
        }
        let writable = if layout.page_tables.contains(&index) {
            PteFlags::empty()
        } else {
            PteFlags::WRITABLE | PteFlags::DIRTY
        };
        Pte::new(memory.mfn(Pfn::new(index)), common | writable)
    }
}
