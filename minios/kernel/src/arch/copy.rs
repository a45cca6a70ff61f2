// SPDX-License-Identifier: MIT OR Apache-2.0
//! Copies to and from memory that somebody else may be changing: in assembly, where a race is
//! no undefined behaviour but a wrong byte.
use core::arch::asm;

/// Copies `len` bytes.
///
/// # Safety
/// Both ranges are mapped, the one written to is not otherwise used by Rust code, and they do not
/// overlap.
pub(crate) unsafe fn copy(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: the caller's promise; the direction flag is clear by the ABI.
    unsafe {
        asm!(
            "rep movsq",
            "mov ecx, {tail:e}",
            "rep movsb",
            tail = in(reg) len % 8,
            inout("rcx") len / 8 => _,
            inout("rdi") to => _,
            inout("rsi") from => _,
            options(nostack, preserves_flags)
        );
    }
}

/// Sets `len` bytes.
///
/// # Safety
/// The range is mapped and not otherwise used by Rust code.
pub(crate) unsafe fn fill(to: *mut u8, byte: u8, len: usize) {
    let pattern = u64::from_ne_bytes([byte; 8]);
    // SAFETY: the caller's promise; the direction flag is clear by the ABI.
    unsafe {
        asm!(
            "rep stosq",
            "mov ecx, {tail:e}",
            "rep stosb",
            tail = in(reg) len % 8,
            inout("rcx") len / 8 => _,
            inout("rdi") to => _,
            in("rax") pattern,
            options(nostack, preserves_flags)
        );
    }
}
