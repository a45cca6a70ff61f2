// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debug registers.
use core::arch::asm;

/// DR6 with no reason set.
pub const DR6_NONE: u64 = 0xffff_0ff0;
/// DR7 with nothing enabled.
pub const DR7_NONE: u64 = 0x400;

/// Reads DR6 and DR7, and clears DR6.
pub fn take_reasons() -> [u64; 2] {
    let (dr6, dr7): (u64, u64);
    // SAFETY: reading registers changes nothing.
    unsafe { asm!("mov {}, dr6", "mov {}, dr7", out(reg) dr6, out(reg) dr7, options(nostack)) }
    // SAFETY: clears reasons that have been read.
    unsafe { asm!("mov dr6, {}", in(reg) DR6_NONE, options(nostack)) }
    [dr6, dr7]
}

/// Loads DR0 to DR3 and then DR7; the addresses are outside the hypervisor's range.
pub fn load(addresses: [u64; 4], dr7: u64) {
    let [dr0, dr1, dr2, dr3] = addresses;
    // SAFETY: breakpoints hit only on a guest's addresses, and nothing is enabled meanwhile.
    unsafe {
        asm!("mov dr7, {none}", "mov dr0, {}", "mov dr1, {}", "mov dr2, {}", "mov dr3, {}",
            "mov dr7, {dr7}", in(reg) dr0, in(reg) dr1, in(reg) dr2, in(reg) dr3,
            none = in(reg) DR7_NONE, dr7 = in(reg) dr7, options(nostack));
    }
}
