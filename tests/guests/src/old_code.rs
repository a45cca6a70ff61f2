// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code of 16 and of 32 bits in a PVH guest, and a switch between two tasks by hardware.
use core::arch::global_asm;

use minios::memory::SharedPages;

global_asm!(include_str!("old_code.S"));

unsafe extern "C" {
    fn old_code_16(page: u64);
    fn old_code_32(page: u64);
    fn old_code_task() -> !;
}

/// What `smsw` stored, in the order of their places: the register's low half and the whole of it,
/// three ways of memory; memory after `lmsw` of a register with TS clear, of memory with TS set, and
/// of memory with 0.
pub const PLACES: [usize; 8] = [0, 4, 8, 12, 16, 20, 28, 36];

/// Executes `smsw` and `lmsw` in 16-bit code, or in 32-bit code.
#[must_use]
pub fn status_words(is_16_bit: bool, page: &SharedPages) -> [u32; 8] {
    page.fill(0, 64, 0);
    let code = if is_16_bit { old_code_16 } else { old_code_32 };
    // SAFETY: the code stores in the first bytes of the page, and comes back with all as it was but
    // TS, which the caller has set and sets again.
    unsafe { code(page.address() as u64) };
    PLACES.map(|place| page.load_u32(place))
}

/// Leaves long mode and jumps to another task.
pub fn switch_tasks() -> ! {
    // SAFETY: it does not come back; the domain is the test's own.
    unsafe { old_code_task() }
}
