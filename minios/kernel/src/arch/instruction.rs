// SPDX-License-Identifier: MIT OR Apache-2.0
//! Single instructions.
use core::arch::asm;
use core::arch::x86_64::{__cpuid, __cpuid_count};

/// The time stamp counter.
pub(crate) fn rdtsc() -> u64 {
    // SAFETY: reads a counter; a PV guest may execute it or has it emulated.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Whether the processor has RDRAND.
pub(crate) fn has_rdrand() -> bool {
    __cpuid(1).ecx & 1 << 30 != 0
}

/// Whether the processor has RDSEED.
pub(crate) fn has_rdseed() -> bool {
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).ebx & 1 << 18 != 0
}

/// A number from RDRAND, if it had one ready; call only if [`has_rdrand`].
pub(crate) fn rdrand() -> Option<u64> {
    let (value, ok): (u64, u8);
    // SAFETY: without the instruction this is #UD, a crash report; it touches no memory.
    unsafe {
        asm!("rdrand {}", "setc {}", out(reg) value, out(reg_byte) ok, options(nomem, nostack));
    }
    (ok != 0).then_some(value)
}

/// A number from RDSEED, if it had one ready; call only if [`has_rdseed`].
pub(crate) fn rdseed() -> Option<u64> {
    let (value, ok): (u64, u8);
    // SAFETY: without the instruction this is #UD, a crash report; it touches no memory.
    unsafe {
        asm!("rdseed {}", "setc {}", out(reg) value, out(reg_byte) ok, options(nomem, nostack));
    }
    (ok != 0).then_some(value)
}

/// The frame pointer of the caller's caller: where a backtrace begins.
#[inline(always)]
pub(crate) fn frame_pointer() -> u64 {
    let rbp: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rbp", out(reg) rbp, options(nomem, nostack, preserves_flags)) };
    rbp
}
