// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hypervisor's final page tables (see [`crate::memory::layout`] for the picture).
use xen_abi::frame::{INVALID_M2P_ENTRY, Maddr, Mfn, PAGE_SIZE};

use super::memory::BootMemory;
use crate::memory::direct_map;
use crate::memory::layout::{DIRECT_MAP, GDT_OWN_PAGE, IMAGE, M2P, PCPU_AREA, STACKS, StackPlace};

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const WRITE_THROUGH: u64 = 1 << 3;
const UNCACHED: u64 = 1 << 4;
const USED: u64 = 3 << 5;
const LARGE: u64 = 1 << 7;
const GLOBAL: u64 = 1 << 8;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// Rights of a mapping, as page table bits.
#[derive(Clone, Copy)]
pub struct Rights(u64);

impl Rights {
    /// Ring 0 executes and reads.
    pub const TEXT: Self = Self(PRESENT | USED | GLOBAL);
    /// Ring 0 reads.
    pub const READ: Self = Self(PRESENT | USED | GLOBAL | NO_EXECUTE);
    /// Ring 0 reads and writes.
    pub const DATA: Self = Self(PRESENT | WRITABLE | USED | GLOBAL | NO_EXECUTE);
    /// Guests read.
    pub const GUEST_READ: Self = Self(PRESENT | USER | USED | GLOBAL | NO_EXECUTE);
    /// Ring 0 reads and writes registers of a device.
    pub const DEVICE: Self = Self(Self::DATA.0 | UNCACHED | WRITE_THROUGH);
}

/// Page tables under construction.
pub struct Mapper<'a> {
    root: Mfn,
    memory: &'a mut BootMemory,
}

impl<'a> Mapper<'a> {
    /// An empty root.
    pub fn new(memory: &'a mut BootMemory) -> Self {
        Self { root: memory.take(1), memory }
    }

    /// The L4.
    pub fn root(&self) -> Mfn {
        self.root
    }

    /// Takes zeroed frames that will never be given back.
    pub fn take(&mut self, pages: u64) -> Mfn {
        self.memory.take(pages)
    }

    /// Maps `pages` pages from `address` on to consecutive frames.
    pub fn map(&mut self, address: u64, first: Maddr, pages: u64, rights: Rights) {
        for offset in (0..pages).map(|page| page * PAGE_SIZE as u64) {
            let entry = self.entry(address + offset, 1);
            write(entry, (first.get() + offset) | rights.0);
        }
    }

    /// Maps memory from machine address 0 up to `end` by 2 MiB pages.
    pub fn map_directly(&mut self, end: u64) {
        const STEP: usize = 2 << 20;
        for start in (0..end).step_by(STEP) {
            let entry = self.entry(DIRECT_MAP + start, 2);
            write(entry, start | LARGE | Rights::DATA.0);
        }
    }

    /// Where the entry of level `level` for `address` is; makes the tables above it.
    pub fn entry(&mut self, address: u64, level: u32) -> *mut u64 {
        let mut table = self.root;
        for at in (level + 1..=4).rev() {
            let entry = entry_in(table, address, at);
            if read(entry) == 0 {
                let next = self.memory.take(1);
                write(entry, next.maddr().get() | PRESENT | WRITABLE | USER | USED);
            }
            table = Mfn::new((read(entry) & ADDRESS) >> 12);
        }
        entry_in(table, address, level)
    }

    /// Makes the L3 of every slot that is to be the same in all L4s.
    pub fn fill_slots(&mut self, first: usize, count: usize) {
        for slot in first..first + count {
            let _ = self.entry(0xffff_0000_0000_0000 | (slot as u64) << 39, 3);
        }
    }
}

fn entry_in(table: Mfn, address: u64, level: u32) -> *mut u64 {
    let index = address >> (3 + 9 * level) & 511;
    direct_map::pointer(Maddr::new(table.maddr().get() + index * 8))
}

fn read(entry: *mut u64) -> u64 {
    // SAFETY: the entry is in a frame that `take` gave.
    unsafe { entry.read() }
}

fn write(entry: *mut u64, value: u64) {
    // SAFETY: the entry is in a frame that `take` gave.
    unsafe { entry.write(value) }
}

unsafe extern "C" {
    static text_start: u8;
    static rodata_start: u8;
    static data_start: u8;
    static symbols_start: u8;
    static bss_start: u8;
    static bss_end: u8;
}

/// Maps the sections of the image with their rights.
pub fn map_image(mapper: &mut Mapper<'_>) {
    let marks = [
        &raw const text_start as u64,
        &raw const rodata_start as u64,
        &raw const data_start as u64,
        &raw const symbols_start as u64,
        &raw const bss_start as u64,
        &raw const bss_end as u64,
    ];
    let rights = [Rights::TEXT, Rights::READ, Rights::DATA, Rights::READ, Rights::DATA];
    for (range, rights) in marks.windows(2).zip(rights) {
        let pages = (range[1] - range[0]).div_ceil(PAGE_SIZE as u64);
        mapper.map(range[0], Maddr::new(range[0] - IMAGE), pages, rights);
    }
}

/// The frames of a pCPU's area.
pub struct PcpuArea {
    /// The hypervisor's part of its GDT.
    pub own_gdt: Mfn,
    /// The L1 that maps the area.
    pub table: Mfn,
    /// The frame of zeros in the windows.
    pub zero: Mfn,
}

/// Makes the boot pCPU's area: descriptor windows on a zero page, its own part of the GDT, stacks.
pub fn map_pcpu_area(mapper: &mut Mapper<'_>) -> PcpuArea {
    let page = PAGE_SIZE as u64;
    let zero = mapper.take(1);
    for window in 0..32 {
        mapper.map(PCPU_AREA + window * page, zero.maddr(), 1, Rights::READ);
    }
    let own_gdt = mapper.take(1);
    mapper.map(PCPU_AREA + GDT_OWN_PAGE as u64 * page, own_gdt.maddr(), 1, Rights::DATA);
    for StackPlace { first_page, pages } in STACKS {
        let frames = mapper.take(pages);
        mapper.map(PCPU_AREA + first_page * page, frames.maddr(), pages, Rights::DATA);
    }
    let table = direct_map::maddr(mapper.entry(PCPU_AREA, 1)).mfn();
    PcpuArea { own_gdt, table, zero }
}

/// Maps the M2P for `frames` frames, which have no pfn yet, to consecutive frames; returns the
/// first.
pub fn map_m2p(mapper: &mut Mapper<'_>, frames: u64) -> Mfn {
    let pages = (frames * 8).div_ceil(PAGE_SIZE as u64);
    let first = mapper.take(pages);
    let count = usize::try_from(pages).expect("64-bit") * PAGE_SIZE / 8;
    // SAFETY: the pages were taken for this, and the boot tables map them.
    let entries =
        unsafe { core::slice::from_raw_parts_mut(direct_map::pointer(first.maddr()), count) };
    entries.fill(INVALID_M2P_ENTRY);
    mapper.map(M2P, first.maddr(), pages, Rights::GUEST_READ);
    first
}
