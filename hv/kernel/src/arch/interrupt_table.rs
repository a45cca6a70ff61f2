// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interrupt descriptor table.
use core::cell::UnsafeCell;

use super::descriptors::{HV_CS, load_idt};

/// Interrupt stack of NMI, #DB, #MC and #DF: indices into the table of the TSS, from 1.
pub const IST_NMI: u8 = 1;
/// See [`IST_NMI`].
pub const IST_DB: u8 = 2;
/// See [`IST_NMI`].
pub const IST_MC: u8 = 3;
/// See [`IST_NMI`].
pub const IST_DF: u8 = 4;

#[repr(C, align(16))]
struct Table(UnsafeCell<[[u64; 2]; 256]>);

// SAFETY: written once, before interrupts are on.
unsafe impl Sync for Table {}

static TABLE: Table = Table(UnsafeCell::new([[0; 2]; 256]));

unsafe extern "C" {
    /// 256 stubs of 16 bytes (`entry/vectors.S`).
    static vector_stubs: [[u8; 16]; 256];
}

/// Points every vector to its stub and loads the table. Guests may raise 3 and 4 themselves.
pub fn init() {
    let mut gates = [[0; 2]; 256];
    // SAFETY: only the address is taken.
    let stubs = unsafe { vector_stubs.as_ptr() } as u64;
    for (vector, gate) in (0u8..=255).zip(&mut gates) {
        let stack = match vector {
            1 => IST_DB,
            2 => IST_NMI,
            8 => IST_DF,
            18 => IST_MC,
            _ => 0,
        };
        let ring = if matches!(vector, 3 | 4) { 3 } else { 0 };
        *gate = interrupt_gate(stubs + u64::from(vector) * 16, stack, ring);
    }
    // SAFETY: interrupts are off and no exception is expected while the table is written.
    unsafe { *TABLE.0.get() = gates }
    // SAFETY: the table is static and its gates lead to the stubs.
    unsafe { load_idt(base(), 4095) }
}

/// The table's address.
pub fn base() -> u64 {
    TABLE.0.get() as u64
}

/// A gate that leaves interrupts off (Intel SDM volume 3, figure 6-8).
fn interrupt_gate(address: u64, stack: u8, ring: u64) -> [u64; 2] {
    const PRESENT_INTERRUPT_GATE: u64 = 0x8e << 40;
    let low = address & 0xffff
        | u64::from(HV_CS) << 16
        | u64::from(stack) << 32
        | PRESENT_INTERRUPT_GATE
        | ring << 45
        | (address >> 16 & 0xffff) << 48;
    [low, address >> 32]
}
