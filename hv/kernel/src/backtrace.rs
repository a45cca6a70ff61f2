// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backtraces by frame pointers, with the names of the functions.
use core::arch::asm;

use symbols::Table;

use crate::log;
use crate::memory::layout::{HV_END, PCPU_AREA};

unsafe extern "C" {
    static symbols_start: u8;
    static text_start: u8;
    static rodata_start: u8;
}

/// The table of names at the end of the image: empty, or as long as its first word says.
pub fn symbol_table() -> &'static [u8] {
    let start = &raw const symbols_start;
    // SAFETY: the linker script reserves a header, which is mapped.
    let length = unsafe { start.cast::<u32>().read_unaligned() };
    // SAFETY: the table is as long as its header says, or empty.
    unsafe { core::slice::from_raw_parts(start, length as usize) }
}

/// Logs the callers of the caller.
pub fn log_from_here() {
    let frame: u64;
    // SAFETY: reading a register changes nothing.
    unsafe { asm!("mov {}, rbp", out(reg) frame, options(nostack, preserves_flags)) }
    log_from(frame);
}

/// Logs the return addresses of the frames from `frame` on.
pub fn log_from(mut frame: u64) {
    const MOST_FRAMES: usize = 32;
    let text = &raw const text_start as u64..&raw const rodata_start as u64;
    for _ in 0..MOST_FRAMES {
        if !frame.is_multiple_of(8) || !(PCPU_AREA..HV_END - 16).contains(&frame) {
            return;
        }
        // SAFETY: a frame pointer in the hypervisor's range; a stack overflow that broke the
        // chain would be caught by the guard page.
        let [next, return_address] = unsafe { *(frame as *const [u64; 2]) };
        if !text.contains(&return_address) {
            return;
        }
        log_address(return_address);
        if next <= frame {
            return;
        }
        frame = next;
    }
}

/// Logs one address with its function.
pub fn log_address(address: u64) {
    let table = Table::parse(symbol_table());
    // One less: the call may be the last instruction of its function.
    match table.and_then(|table| table.lookup(address - 1)) {
        Some((name, offset)) => log!("  {address:#x} {name}+{:#x}", offset + 1),
        None => log!("  {address:#x}"),
    }
}
