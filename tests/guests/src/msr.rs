// SPDX-License-Identifier: MIT OR Apache-2.0
//! Model-specific registers, for a guest with a recording handler for #GP.
use core::arch::asm;

use crate::traps::{RESUME, faults};

/// The register, or `None` where reading it takes #GP.
#[must_use]
pub fn rdmsr(register: u32) -> Option<u64> {
    let (mut low, mut high) = (0u32, 0u32);
    // SAFETY: where the instruction faults, the handler goes on behind it.
    let faulted = faults(|| unsafe {
        asm!("lea {scratch}, [rip + 2f]", "mov [rip + {resume}], {scratch}", "rdmsr", "2:",
            scratch = out(reg) _, resume = sym RESUME,
            in("ecx") register, inout("eax") low, inout("edx") high);
    });
    (faulted == 0).then_some(u64::from(high) << 32 | u64::from(low))
}

/// Number of faults that writing the register takes.
pub fn wrmsr(register: u32, value: u64) -> u64 {
    let (low, high) = (value & 0xffff_ffff, value >> 32);
    // SAFETY: as above.
    faults(|| unsafe {
        asm!("lea {scratch}, [rip + 2f]", "mov [rip + {resume}], {scratch}", "wrmsr", "2:",
            scratch = out(reg) _, resume = sym RESUME,
            in("ecx") register, in("rax") low, in("rdx") high);
    })
}

/// A register that there is.
#[must_use]
pub fn existing(register: u32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reading a register changes nothing.
    unsafe { asm!("rdmsr", in("ecx") register, out("eax") low, out("edx") high) };
    u64::from(high) << 32 | u64::from(low)
}

/// Sets a register that there is, to a value that it takes.
pub fn set_existing(register: u32, value: u64) {
    let (low, high) = (value & 0xffff_ffff, value >> 32);
    // SAFETY: the register and what it does are the test's.
    unsafe { asm!("wrmsr", in("ecx") register, in("rax") low, in("rdx") high) };
}
