// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ways to end: power off, reboot.
use core::arch::asm;

use super::control::stop;
use super::port::{in8, out8, out16};
use super::serial::Serial;

/// Turns the machine off. On a machine without any of the known ways it stops the CPU.
///
/// Ways, in this order: QEMU's isa-debug-exit device (its exit status becomes
/// `status * 2 + 1`), Bochs' shutdown port, the ACPI power port of QEMU's machines.
pub fn power_off(status: u8) -> ! {
    Serial::drain();
    out8(0xf4, status);
    for byte in b"Shutdown" {
        out8(0x8900, *byte);
    }
    out16(0x604, 0x2000);
    stop()
}

/// Restarts the machine: by the keyboard controller, by the reset port, then by a triple fault.
pub fn reboot() -> ! {
    const CONTROLLER: u16 = 0x64;
    Serial::drain();
    for _ in 0..0x1_0000 {
        if in8(CONTROLLER) & 2 == 0 {
            break;
        }
    }
    out8(CONTROLLER, 0xfe);
    out8(0xcf9, 0x06);
    let empty_table = [0u16; 5];
    // SAFETY: the machine is to be reset, which an exception without a table does.
    unsafe { asm!("lidt [{}]", "int3", in(reg) &raw const empty_table, options(nostack)) }
    stop()
}
