// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entries of a PVH guest's own page tables, which are where their physical addresses say.
use core::arch::asm;

/// The entry counts.
pub const PRESENT: u64 = 1 << 0;
/// The page may be written.
pub const WRITABLE: u64 = 1 << 1;

/// Sets the entry of the page at `address`; `false` where there is no table for it. A translation
/// that the processor knows already may stay.
pub fn set(address: u64, entry: u64) -> bool {
    const TABLE: u64 = 0x000f_ffff_ffff_f000;
    let mut table: u64;
    // SAFETY: reading a register changes nothing.
    unsafe { asm!("mov {}, cr3", out(reg) table, options(nostack)) };
    for shift in [39, 30, 21] {
        let entry = crate::word((table & TABLE) + (address >> shift & 511) * 8);
        if entry & PRESENT == 0 {
            return false;
        }
        table = entry;
    }
    let slot = (table & TABLE) + (address >> 12 & 511) * 8;
    let slot = core::ptr::with_exposed_provenance_mut::<u64>(usize::try_from(slot).unwrap_or(0));
    // SAFETY: an entry of a table of this guest; a test that maps what is in use elsewhere harms
    // itself.
    unsafe { slot.write_volatile(entry) };
    true
}
