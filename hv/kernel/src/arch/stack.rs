// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of the stack, on purpose.
use core::arch::asm;

use crate::memory::layout::STACKS;

/// Goes on with a stack that is full: the next push meets the guard page, and so does the frame of
/// the page fault.
#[inline(never)]
pub fn overflow() -> ! {
    let bottom = STACKS[0].bottom();
    // SAFETY: nothing comes back from this.
    unsafe { asm!("mov rsp, {}", "push 0", "ud2", in(reg) bottom, options(noreturn)) }
}
