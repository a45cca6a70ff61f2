// SPDX-License-Identifier: MIT OR Apache-2.0
//! Walking a guest's own page tables (Intel SDM volume 3, chapter 4): from an address of the guest
//! to a physical address of the guest, in each of its paging modes.
//!
//! The tables are the guest's and may change meanwhile; each entry is read once. What the hypervisor
//! reads and writes for the guest counts as the processor's accesses do: it leaves accessed and dirty
//! bits ([`Paging::translate_and_mark`]). Where it only wants to know, it leaves none.

use xen_abi::frame::VirtAddr;

use crate::page_table::Entry;

#[cfg(test)]
mod tests;

/// CR0: paging is on.
pub const CR0_PG: u64 = 1 << 31;
/// CR0: protected mode.
pub const CR0_PE: u64 = 1 << 0;
/// CR0: the kernel too is kept from writing to read-only pages.
pub const CR0_WP: u64 = 1 << 16;
/// CR4: entries of 8 bytes.
pub const CR4_PAE: u64 = 1 << 5;
/// CR4: large pages without PAE.
pub const CR4_PSE: u64 = 1 << 4;
/// CR4: the kernel must not execute pages of user mode.
pub const CR4_SMEP: u64 = 1 << 20;
/// CR4: the kernel must not touch pages of user mode, unless it says so.
pub const CR4_SMAP: u64 = 1 << 21;
/// EFER: entries can forbid execution.
pub const EFER_NXE: u64 = 1 << 11;
/// EFER: long mode is active.
pub const EFER_LMA: u64 = 1 << 10;

/// Levels of tables at most.
const LEVELS: usize = 4;

/// The state of a vcpu that says how it translates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paging {
    /// Control register 0.
    pub cr0: u64,
    /// Root of the tables.
    pub cr3: u64,
    /// Control register 4.
    pub cr4: u64,
    /// Extended features.
    pub efer: u64,
    /// The access counts as one of ring 3.
    pub user: bool,
}

/// What an access is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Writing.
    Write,
}

/// The shape of tables: levels, bytes of an entry, bits of an address that a level translates.
struct Shape {
    levels: u32,
    entry_bytes: u64,
    index_bits: u32,
    large_from: u32,
}

impl Shape {
    /// Bits of CR3 that say where the tables begin: with three levels there are only four entries.
    const fn root_mask(&self) -> u64 {
        match self.levels {
            4 => Entry::ADDRESS,
            3 => 0xffff_ffe0,
            _ => 0xffff_f000,
        }
    }
}

/// An entry that was used: the 8 bytes around it, and where in them it begins.
#[derive(Clone, Copy, Default)]
struct Used {
    at: u64,
    word: u64,
    shift: u32,
}

impl Paging {
    const fn shape(&self) -> Option<Shape> {
        if self.cr0 & CR0_PG == 0 {
            return None;
        }
        Some(if self.efer & EFER_LMA != 0 {
            Shape { levels: 4, entry_bytes: 8, index_bits: 9, large_from: 3 }
        } else if self.cr4 & CR4_PAE != 0 {
            Shape { levels: 3, entry_bytes: 8, index_bits: 9, large_from: 2 }
        } else {
            let large_from = if self.cr4 & CR4_PSE != 0 { 2 } else { 1 };
            Shape { levels: 2, entry_bytes: 4, index_bits: 10, large_from }
        })
    }

    /// The guest physical address behind `address`; `read` gives the 8 bytes at a multiple of 8 in
    /// the guest's memory. `None` where there is nothing or the access is not allowed.
    pub fn translate(
        &self,
        address: u64,
        access: Access,
        read: impl Fn(u64) -> Option<u64>,
    ) -> Option<u64> {
        self.walk(address, access, read, |_| ())
    }

    /// The same for an access that the hypervisor makes for the guest: the entries on the way become
    /// accessed, and the last one dirty if it is written through. `exchange` replaces 8 bytes in the
    /// guest's memory, the second argument by the third, and says whether they were still that; it
    /// gives `None` where the guest may not write.
    pub fn translate_and_mark(
        &self,
        address: u64,
        access: Access,
        read: impl Fn(u64) -> Option<u64>,
        exchange: impl Fn(u64, u64, u64) -> Option<bool>,
    ) -> Option<u64> {
        /// An entry can be on the way at each level; beyond that somebody else changes the tables.
        const ATTEMPTS: u32 = 8;
        for _ in 0..ATTEMPTS {
            let mut used = [Used::default(); LEVELS];
            let mut places = used.iter_mut();
            let found = self.walk(address, access, &read, |entry| {
                if let Some(place) = places.next() {
                    *place = entry;
                }
            })?;
            if mark(&used, access, &exchange)? {
                return Some(found);
            }
        }
        None
    }

    /// Follows the tables; `visit` sees the entries that have accessed bits, the leaf last.
    fn walk(
        &self,
        address: u64,
        access: Access,
        read: impl Fn(u64) -> Option<u64>,
        mut visit: impl FnMut(Used),
    ) -> Option<u64> {
        let Some(shape) = self.shape() else { return Some(address & 0xffff_ffff) };
        let long = shape.levels == 4;
        if long && !VirtAddr::new(address).is_canonical() || !long && address >> 32 != 0 {
            return None;
        }
        let mut table = self.cr3 & shape.root_mask();
        let mut rights = Entry::WRITABLE | Entry::USER;
        for level in (1..=shape.levels).rev() {
            let shift = index_shift(&shape, level);
            let index = address.wrapping_shr(shift) & ones(shape.index_bits);
            let at = table.wrapping_add(index.wrapping_mul(shape.entry_bytes));
            let used = Used { at: at & !7, word: read(at & !7)?, shift: shift_in_word(at, &shape) };
            let entry = used.word.wrapping_shr(used.shift) & entry_mask(&shape);
            if entry & Entry::PRESENT == 0 {
                return None;
            }
            // The top level of PAE has no rights of its own.
            if !(shape.levels == 3 && level == 3) {
                rights &= entry;
                visit(used);
            }
            let large = level > 1 && level <= shape.large_from && entry & Entry::LARGE != 0;
            if level == 1 || large {
                let inside = ones(shift);
                let allowed = self.allows(rights, access);
                return allowed.then_some(frame(entry, &shape, large) & !inside | address & inside);
            }
            table = entry & if shape.entry_bytes == 4 { 0xffff_f000 } else { Entry::ADDRESS };
        }
        None
    }

    /// The error code of the page fault that the processor gives where [`Self::translate`] gives
    /// nothing (Intel SDM volume 3, figure 4-12).
    pub fn error_code(
        &self,
        address: u64,
        access: Access,
        read: impl Fn(u64) -> Option<u64>,
    ) -> u32 {
        let kernel = Self { user: false, ..*self };
        let is_there = kernel.translate(address, Access::Read, read).is_some();
        u32::from(is_there) | u32::from(access == Access::Write) << 1 | u32::from(self.user) << 2
    }

    const fn allows(&self, rights: u64, access: Access) -> bool {
        if self.user && rights & Entry::USER == 0 {
            return false;
        }
        let protected = self.user || self.cr0 & CR0_WP != 0;
        !(matches!(access, Access::Write) && protected && rights & Entry::WRITABLE == 0)
    }
}

/// A number with the lowest `count` bits set, less than 64.
const fn ones(count: u32) -> u64 {
    !u64::MAX.wrapping_shl(count)
}

const fn index_shift(shape: &Shape, level: u32) -> u32 {
    shape.index_bits.wrapping_mul(level.wrapping_sub(1)).wrapping_add(12)
}

/// Where a leaf points. Large pages of 32-bit tables have address bits 32 to 39 in bits 13 to 20.
const fn frame(entry: u64, shape: &Shape, large: bool) -> u64 {
    match (shape.entry_bytes, large) {
        (4, true) => entry & 0xffc0_0000 | (entry & 0x001f_e000) << 19,
        (4, false) => entry & 0xffff_f000,
        _ => entry & Entry::ADDRESS,
    }
}

/// How far an entry is from the lowest bit of the 8 bytes around it.
const fn shift_in_word(at: u64, shape: &Shape) -> u32 {
    if shape.entry_bytes == 4 && at & 4 != 0 { 32 } else { 0 }
}

const fn entry_mask(shape: &Shape) -> u64 {
    if shape.entry_bytes == 4 { 0xffff_ffff } else { u64::MAX }
}

/// Sets what is missing of accessed bits, and of the dirty bit of the last entry; `false` where one
/// has changed meanwhile.
fn mark(
    used: &[Used; LEVELS],
    access: Access,
    exchange: impl Fn(u64, u64, u64) -> Option<bool>,
) -> Option<bool> {
    let is_used = |entry: &&Used| entry.word != 0;
    let last = used.iter().rposition(|entry| is_used(&entry));
    for (index, entry) in used.iter().enumerate().filter(|(_, entry)| is_used(entry)) {
        let dirty = access == Access::Write && Some(index) == last;
        let bits = if dirty { Entry::ACCESSED | Entry::DIRTY } else { Entry::ACCESSED };
        let marked = entry.word | bits.wrapping_shl(entry.shift);
        if marked != entry.word && !exchange(entry.at, entry.word, marked)? {
            return Some(false);
        }
    }
    Some(true)
}
