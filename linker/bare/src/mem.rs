// SPDX-License-Identifier: MIT OR Apache-2.0
//! `memcpy` and its family.
//!
//! Up to 32 bytes go in two overlapping pieces without a loop; longer runs go by `rep movsq` and
//! `rep stosq`, the last 8 bytes again in a piece of their own. Loops over bytes are written so
//! that they are not compiled to calls of themselves.
use core::arch::asm;

/// Copies `$len` bytes by two pieces of type `$piece`, which overlap in the middle. Both are read
/// before one is written, so the runs may overlap too.
macro_rules! copy_ends {
    ($piece:ty, $to:expr, $from:expr, $len:expr) => {{
        let last = $len - size_of::<$piece>();
        // SAFETY: the caller promises `len` readable bytes, and `len` is not less than a piece.
        let head = unsafe { $from.cast::<$piece>().read_unaligned() };
        // SAFETY: ends with the last byte.
        let tail = unsafe { $from.wrapping_add(last).cast::<$piece>().read_unaligned() };
        // SAFETY: the caller promises `len` writable bytes.
        unsafe { $to.cast::<$piece>().write_unaligned(head) };
        // SAFETY: ends with the last byte.
        unsafe { $to.wrapping_add(last).cast::<$piece>().write_unaligned(tail) };
    }};
}

/// Copies up to 32 bytes; the runs may overlap.
///
/// # Safety
/// `len` bytes are readable at `from` and writable at `to`.
#[inline(always)]
unsafe fn copy_short(to: *mut u8, from: *const u8, len: usize) {
    match len {
        16.. => copy_ends!(u128, to, from, len),
        8.. => copy_ends!(u64, to, from, len),
        4.. => copy_ends!(u32, to, from, len),
        2.. => copy_ends!(u16, to, from, len),
        1 => copy_ends!(u8, to, from, len),
        0 => {}
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    if len <= 32 {
        // SAFETY: as the caller promised.
        unsafe { copy_short(to, from, len) };
        return to;
    }
    let last = len - 8;
    // SAFETY: the last 8 of the caller's bytes; read first, for memmove's sake.
    let tail = unsafe { from.wrapping_add(last).cast::<u64>().read_unaligned() };
    // SAFETY: the caller promises `len` bytes at both ends; the direction flag is clear by the ABI.
    unsafe {
        asm!("rep movsq", inout("rcx") len / 8 => _, inout("rdi") to => _, inout("rsi") from => _,
             options(nostack, preserves_flags));
    }
    // SAFETY: the last 8 of the caller's bytes.
    unsafe { to.wrapping_add(last).cast::<u64>().write_unaligned(tail) };
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // Up to 32 bytes, memcpy reads all before it writes; else a forward copy by words reads no
    // byte that it wrote before, unless the destination begins inside the source.
    if len <= 32 || to.addr().wrapping_sub(from.addr()) >= len {
        // SAFETY: as the caller promised.
        return unsafe { memcpy(to, from, len) };
    }
    // SAFETY: the first 8 of the caller's bytes, which the copy below may overwrite.
    let head = unsafe { from.cast::<u64>().read_unaligned() };
    let last = len - 8;
    // SAFETY: as the caller promised; a backward copy of whole words from the last one on, the
    // direction flag is clear again behind it.
    unsafe {
        asm!("std", "rep movsq", "cld", inout("rcx") len / 8 => _,
             inout("rdi") to.wrapping_add(last) => _, inout("rsi") from.wrapping_add(last) => _,
             options(nostack));
    }
    // SAFETY: the first 8 of the caller's bytes.
    unsafe { to.cast::<u64>().write_unaligned(head) };
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    let pattern = u64::from_ne_bytes([byte.to_le_bytes()[0]; 8]);
    // SAFETY: the caller promises `len` writable bytes.
    unsafe {
        asm!("rep stosq", "mov ecx, {tail:e}", "rep stosb", tail = in(reg) len % 8,
             inout("rcx") len / 8 => _, inout("rdi") to => _, in("rax") pattern,
             options(nostack, preserves_flags));
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    let mut at = 0;
    while len - at >= 8 {
        // SAFETY: the caller promises `len` bytes at `a`.
        let x = unsafe { a.wrapping_add(at).cast::<u64>().read_unaligned() };
        // SAFETY: the caller promises `len` bytes at `b`.
        let y = unsafe { b.wrapping_add(at).cast::<u64>().read_unaligned() };
        if x != y {
            return if x.swap_bytes() < y.swap_bytes() { -1 } else { 1 };
        }
        at += 8;
    }
    while at < len {
        // SAFETY: the caller promises `len` bytes at `a`.
        let x = unsafe { a.wrapping_add(at).read_volatile() };
        // SAFETY: the caller promises `len` bytes at `b`.
        let y = unsafe { b.wrapping_add(at).read_volatile() };
        if x != y {
            return i32::from(x) - i32::from(y);
        }
        at += 1;
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(a, b, len) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(s: *const u8) -> usize {
    let mut len = 0;
    // SAFETY: the caller promises a NUL behind the last byte.
    while unsafe { s.wrapping_add(len).read_volatile() } != 0 {
        len += 1;
    }
    len
}
