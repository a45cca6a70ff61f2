// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finding Xen in a virtual machine, and asking it for hypercalls.
use core::arch::asm;
use core::arch::x86_64::__cpuid;
use core::fmt::{self, Write};

use xen_abi::cpuid::{LEAF_HYPERCALL, LEAF_SIGNATURE, SIGNATURE};

use crate::arch::hypercall::hypercall_page;

/// Where the leaves may begin: other interfaces that the hypervisor offers come first.
const BASES: core::ops::Range<u32> = LEAF_SIGNATURE..0x4001_0000;
const STEP: usize = 0x100;

/// Has the hypercall page filled, with the instruction that this processor needs. Without Xen this
/// says so on the serial port, and stops.
pub(super) fn init() {
    let Some(base) = BASES.step_by(STEP).find(|&base| is_xen(base)) else {
        say(format_args!("this image needs Xen or hv, and neither is here"));
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

/// Says what keeps us from having a console, to whoever may hear it.
pub(super) fn say(what: fmt::Arguments<'_>) {
    let _ = write!(Ports, "minios: {what}\r\n");
}

/// The first serial port, which needs no set-up in an emulator, and the port whose bytes Xen puts
/// into its own log.
struct Ports;

impl Write for Ports {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (byte, port) in text.bytes().flat_map(|byte| [(byte, 0x3f8_u16), (byte, 0xe9)]) {
            // SAFETY: writes a byte to a device that is nobody else's, or not there.
            unsafe { asm!("out dx, al", in("dx") port, in("al") byte) };
        }
        Ok(())
    }
}

fn stop() -> ! {
    loop {
        // SAFETY: interrupts are off: the processor stops.
        unsafe { asm!("hlt") };
    }
}
