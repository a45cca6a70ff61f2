// SPDX-License-Identifier: MIT OR Apache-2.0
//! Descriptor tables: where they are, and gates of the interrupt descriptor table.
use core::arch::asm;

/// What `lgdt` and `lidt` read, `sgdt` and `sidt` write.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, packed)]
pub struct TablePointer {
    /// Bytes of the table, less 1.
    pub limit: u16,
    /// Where it is.
    pub base: u64,
}

impl TablePointer {
    /// Of the global table in use.
    #[must_use]
    pub fn gdt() -> Self {
        let mut pointer = Self::default();
        // SAFETY: writes a table's limit and address, for which there is room.
        unsafe { asm!("sgdt [{}]", in(reg) &raw mut pointer, options(nostack, preserves_flags)) };
        pointer
    }

    /// Of the interrupt table in use.
    #[must_use]
    pub fn idt() -> Self {
        let mut pointer = Self::default();
        // SAFETY: as above.
        unsafe { asm!("sidt [{}]", in(reg) &raw mut pointer, options(nostack, preserves_flags)) };
        pointer
    }

    /// Its bytes, as words.
    #[must_use]
    pub fn words(self) -> [u64; 2] {
        [u64::from(self.limit) | self.base << 16, self.base >> 48]
    }
}

/// An interrupt gate of minios's code segment to `entry`, for ring `dpl` and inner ones, on stack
/// `ist` of the task, 0 for the one in use.
#[must_use]
pub const fn interrupt_gate(entry: u64, dpl: u64, ist: u64) -> [u64; 2] {
    const PRESENT_INTERRUPT_GATE: u64 = 0x8e << 40;
    const CODE: u64 = 8 << 16;
    let low = entry & 0xffff | CODE | ist << 32 | PRESENT_INTERRUPT_GATE | dpl << 45;
    [low | (entry >> 16 & 0xffff) << 48, entry >> 32]
}
