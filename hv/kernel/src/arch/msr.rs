// SPDX-License-Identifier: MIT OR Apache-2.0
//! Model-specific registers (Intel SDM volume 4, AMD APM volume 2 appendix A).
use core::arch::asm;

/// Physical base and mode of the local APIC.
pub const APIC_BASE: u32 = 0x1b;
/// Extended features: SCE, LME, LMA, NXE.
pub const EFER: u32 = 0xc000_0080;
/// Selectors for syscall (bits 32-47) and sysret (bits 48-63).
pub const STAR: u32 = 0xc000_0081;
/// rip of syscall from 64-bit code.
pub const LSTAR: u32 = 0xc000_0082;
/// rip of syscall from 32-bit code.
pub const CSTAR: u32 = 0xc000_0083;
/// rflags bits that syscall clears.
pub const SYSCALL_MASK: u32 = 0xc000_0084;
/// Base of fs.
pub const FS_BASE: u32 = 0xc000_0100;
/// Base of gs.
pub const GS_BASE: u32 = 0xc000_0101;
/// The base that swapgs exchanges with that of gs.
pub const KERNEL_GS_BASE: u32 = 0xc000_0102;
/// cs of sysenter; 0 makes sysenter take #GP.
pub const SYSENTER_CS: u32 = 0x174;
/// Page attribute table.
pub const PAT: u32 = 0x277;

/// Reads `msr`, which the CPU must have: else this is #GP, and a panic.
pub fn read(msr: u32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reading a register changes nothing.
    unsafe {
        asm!("rdmsr", in("ecx") msr, out("eax") low, out("edx") high,
            options(nostack, preserves_flags));
    }
    u64::from(high) << 32 | u64::from(low)
}

/// Writes `msr`.
#[expect(clippy::cast_possible_truncation, reason = "the value is passed in two halves")]
pub fn write(msr: u32, value: u64) {
    // SAFETY: the callers in `arch` and `entry` own the machine's state.
    unsafe {
        asm!("wrmsr", in("ecx") msr, in("eax") value as u32, in("edx") (value >> 32) as u32,
            options(nostack, preserves_flags));
    }
}
