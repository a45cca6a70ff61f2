// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entries of a PVH guest's page tables, which are where their physical addresses say.
use core::arch::asm;

use crate::{poke, word};

/// The entry counts.
pub const PRESENT: u64 = 1 << 0;
/// The page may be written.
pub const WRITABLE: u64 = 1 << 1;
/// For user mode.
pub const USER: u64 = 1 << 2;
/// Used.
pub const ACCESSED: u64 = 1 << 5;
/// Written through.
pub const DIRTY: u64 = 1 << 6;
/// A large page.
pub const LARGE: u64 = 1 << 7;
/// Not to be executed.
pub const NO_EXECUTE: u64 = 1 << 63;
/// Present and writable.
pub const RW: u64 = PRESENT | WRITABLE;
/// The address of the table or page.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// The table of level 4.
#[must_use]
pub fn root() -> u64 {
    let root: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr3", out(reg) root, options(nomem, nostack, preserves_flags)) };
    root & ADDRESS
}

/// Where the entry for `address` is in a table of `level`, from 1 to 4. `None` where there is no such
/// table.
#[must_use]
pub fn find(address: u64, level: u32) -> Option<u64> {
    let slot = |table: u64, level: u32| table + (address >> (3 + 9 * level) & 511) * 8;
    (level..4).rev().try_fold(slot(root(), 4), |above, level| {
        let entry = word(above);
        (entry & PRESENT != 0).then(|| slot(entry & ADDRESS, level))
    })
}

/// Sets the entry of the page at `address`; `false` where there is no table for it. A translation
/// that the processor knows already may stay.
pub fn set(address: u64, entry: u64) -> bool {
    find(address, 1).map(|at| poke(at, entry)).is_some()
}

/// Forgets one translation.
pub fn invalidate(address: u64) {
    // SAFETY: a translation that is forgotten is found again.
    unsafe { asm!("invlpg [{}]", in(reg) address, options(nostack, preserves_flags)) };
}

/// Forgets all translations.
pub fn flush() {
    // SAFETY: the root stays the same.
    unsafe { asm!("mov {r}, cr3", "mov cr3, {r}", r = out(reg) _, options(nostack)) };
}
