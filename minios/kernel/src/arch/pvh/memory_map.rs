// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory of a PVH guest: page tables of our own, in which each page is where it is.
use core::arch::asm;
use core::arch::x86_64::__cpuid;
use core::ops::Range;

use xen_abi::errno::Errno;
use xen_abi::frame::{Maddr, Mfn, PAGE_SHIFT, PAGE_SIZE};
use xen_abi::mmu::{ENTRIES, Pte, PteFlags};

use super::start_info::boot_info;
use crate::arch::{image, size};
use crate::memory::{AREA_START, BootMemory, BootPages, page_table, rights, slot_for};
use crate::start_info::start_info;

const PAGE: u64 = PAGE_SIZE as u64;
/// The memory that arch/pvh/entry.S maps, in pages: page tables must come from there.
const BOOT_MAPPED_PAGES: u64 = 1 << 20;
/// The first of our physical addresses for frames that the hypervisor puts there is a multiple of
/// this many pages.
const WINDOWS_ALIGNMENT: u64 = 1 << 18;

/// Makes tables for all of memory, and uses them from now on.
pub(super) fn init() -> BootMemory {
    let info = boot_info();
    let gap = info.free.longest_below(BOOT_MAPPED_PAGES).expect("some memory is free");
    let mut boot = BootPages::new(gap.start * PAGE);
    page_table::init(Mfn::new(boot.take(1) / PAGE));
    for range in info.ram.iter() {
        map(range, &mut boot);
    }
    let start = start_info();
    for ring in [start.store_mfn, start.console_mfn()] {
        map(ring.get()..ring.get() + 1, &mut boot);
    }
    load_root();
    let mut free = info.free.clone();
    let tables = image::pvh_tables();
    free.add(tables.start / PAGE..tables.end / PAGE);
    BootMemory { free, boot }
}

/// Maps pages where they are.
fn map(pages: Range<u64>, boot: &mut BootPages) {
    let mut pfn = pages.start;
    while pfn < pages.end {
        let slot = page_table::slot_with(pfn * PAGE, 1, || Ok(boot.take(1)))
            .expect("boot pages do not run out");
        let table_end = (pfn / ENTRIES as u64 + 1) * ENTRIES as u64;
        for (index, pfn) in (pfn..pages.end.min(table_end)).enumerate() {
            let slot = Maddr::new(slot.get() + index as u64 * 8);
            let entry =
                rights(pfn * PAGE).map_or(Pte::EMPTY, |flags| Pte::new(Mfn::new(pfn), flags));
            write_entry(slot, entry);
        }
        pfn = table_end;
    }
}

/// Writes an entry of a page table of ours.
pub(super) fn write_entry(slot: Maddr, entry: Pte) {
    let slot = core::ptr::with_exposed_provenance_mut::<u64>(size(slot.get()));
    // SAFETY: tables are pages of ours, mapped where they are. Callers change only mappings that
    // nothing uses.
    unsafe { slot.write_volatile(entry.raw()) };
}

/// Uses our tables, and forgets all cached translations.
pub(super) fn load_root() {
    let root = page_table::root().maddr().get();
    // SAFETY: the tables map all that is in use, where it was.
    unsafe { asm!("mov cr3, {}", in(reg) root, options(nostack, preserves_flags)) };
}

/// Maps `va` to the physical address at which the hypervisor is to put a frame: as far behind all
/// memory as `va` is in the area. Returns that address.
pub(super) fn window(va: u64, flags: PteFlags) -> Result<u64, Errno> {
    let start = boot_info().map_end.max(BOOT_MAPPED_PAGES).next_multiple_of(WINDOWS_ALIGNMENT);
    let address = start * PAGE + (va - AREA_START);
    if address >> physical_bits() != 0 {
        return Err(Errno::Enomem);
    }
    write_entry(slot_for(va)?, Pte::new(Mfn::new(address >> PAGE_SHIFT), flags));
    Ok(address)
}

/// How wide a physical address is.
fn physical_bits() -> u32 {
    const LEAF: u32 = 0x8000_0008;
    if __cpuid(0x8000_0000).eax < LEAF { 36 } else { __cpuid(LEAF).eax & 0xff }
}
