// SPDX-License-Identifier: MIT OR Apache-2.0
//! The address space of ring 0: L4 slots 256 to 271, the same in every L4, but that the M2P is only in
//! those that a guest's kernel uses.
//!
//! | L4 slot | from                 | what |
//! |---------|----------------------|------|
//! | 256     | `0xffff800000000000` | M2P, read-only, readable by guests' kernels |
//! | 260     | `0xffff820000000000` | per-pCPU pages: descriptor window, stacks between guard pages |
//! | 261     | `0xffff828000000000` | fixed mappings of device registers; the image at `0xffff82d040000000` |
//! | 262-271 | `0xffff830000000000` | direct map of all memory, no-execute |
//!
//! The guest owns slots 0 to 255 and 272 to 511.

/// First address a guest may not use (`public/arch-x86/xen-x86_64.h`, `HYPERVISOR_VIRT_START`).
pub const HV_START: u64 = 0xffff_8000_0000_0000;
/// First address behind the hypervisor's range (`HYPERVISOR_VIRT_END`).
pub const HV_END: u64 = 0xffff_8800_0000_0000;
/// First L4 slot of the hypervisor.
pub const HV_FIRST_SLOT: usize = 256;
/// Number of L4 slots of the hypervisor.
pub const HV_SLOTS: usize = 16;

/// The machine-to-physical table, as guests see it.
pub const M2P: u64 = HV_START;
/// Per-pCPU pages; each pCPU has one L1 table of them.
pub const PCPU_AREA: u64 = 0xffff_8200_0000_0000;
/// Registers of devices (LAPIC, IOAPIC), uncached.
pub const FIXED_AREA: u64 = 0xffff_8280_0000_0000;
/// The image.
pub const IMAGE: u64 = 0xffff_82d0_4000_0000;
/// The direct map.
pub const DIRECT_MAP: u64 = 0xffff_8300_0000_0000;
/// Most memory the direct map can hold, in bytes.
pub const DIRECT_MAP_BYTES: u64 = HV_END - DIRECT_MAP;

/// Bytes of a page and of a frame.
pub const PAGE_SIZE: u64 = 4096;

/// Page of a pCPU's area where the guest's GDT frames are (14 pages, then the hypervisor's own).
pub const GDT_WINDOW_PAGE: usize = 0;
/// Page of a pCPU's area where the hypervisor's part of the GDT is: byte 0xe000 of the table.
pub const GDT_OWN_PAGE: usize = 14;
/// First page of a pCPU's area for the LDT (16 pages).
pub const LDT_WINDOW_PAGE: usize = 16;

/// The window in which a pCPU sees the GDT of its vCPU.
pub const GDT_WINDOW: u64 = PCPU_AREA;
/// The window in which a pCPU sees the LDT of its vCPU.
pub const LDT_WINDOW: u64 = PCPU_AREA + 16 * PAGE_SIZE;

/// Pages of a stack in a pCPU's area; the pages before and behind it are not mapped.
#[derive(Clone, Copy)]
pub struct StackPlace {
    /// First page, from the start of the area.
    pub first_page: u64,
    /// Number of pages.
    pub pages: u64,
}

impl StackPlace {
    /// Its lowest address; the page below is not mapped.
    #[cfg(debug_assertions)]
    pub const fn bottom(self) -> u64 {
        PCPU_AREA + self.first_page * PAGE_SIZE
    }

    /// The address behind the stack, where it starts to grow from.
    pub const fn top(self) -> u64 {
        PCPU_AREA + (self.first_page + self.pages) * PAGE_SIZE
    }
}

/// The stacks of a pCPU: its ordinary one, then those of NMI, #DB, #MC and #DF.
pub const STACKS: [StackPlace; 5] = [
    StackPlace { first_page: 40, pages: 8 },
    StackPlace { first_page: 50, pages: 4 },
    StackPlace { first_page: 56, pages: 4 },
    StackPlace { first_page: 62, pages: 4 },
    StackPlace { first_page: 68, pages: 4 },
];
