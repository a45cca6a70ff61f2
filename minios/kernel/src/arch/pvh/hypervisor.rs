// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finding Xen in a virtual machine, and asking it for hypercalls.
use core::arch::asm;
use core::arch::x86_64::__cpuid;

use xen_abi::cpuid::{LEAF_HYPERCALL, LEAF_SIGNATURE, SIGNATURE};

use crate::arch::hypercall::hypercall_page;

/// Where the leaves may begin: other interfaces that the hypervisor offers come first.
const BASES: core::ops::Range<u32> = LEAF_SIGNATURE..0x4001_0000;
const STEP: usize = 0x100;

/// Has the hypercall page filled, with the instruction that this processor needs. Without Xen this
/// says so on the serial port, and stops.
pub(super) fn init() {
    let Some(base) = BASES.step_by(STEP).find(|&base| is_xen(base)) else {
        serial("minios: this image needs Xen or hv, and neither is here\r\n");
        stop()
    };
    let register = __cpuid(base + (LEAF_HYPERCALL - LEAF_SIGNATURE)).ebx;
    let (low, high) = (hypercall_page() & 0xffff_ffff, hypercall_page() >> 32);
    // SAFETY: the page is set aside for this, and nothing has used it yet.
    unsafe { asm!("wrmsr", in("ecx") register, in("rax") low, in("rdx") high) };
}

fn is_xen(base: u32) -> bool {
    let leaf = __cpuid(base);
    [leaf.ebx, leaf.ecx, leaf.edx] == SIGNATURE
}

/// Writes to the first serial port, which needs no set-up for an emulator.
fn serial(text: &str) {
    const PORT: u16 = 0x3f8;
    for byte in text.bytes() {
        // SAFETY: writes a byte to a device that is nobody else's.
        unsafe { asm!("out dx, al", in("dx") PORT, in("al") byte) };
    }
}

fn stop() -> ! {
    loop {
        // SAFETY: interrupts are off: the processor stops.
        unsafe { asm!("hlt") };
    }
}
