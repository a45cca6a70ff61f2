// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one instruction sequence by which this guest calls the hypervisor.
use core::arch::asm;

use xen_abi::hypercall::{Hypercall, STUB_SIZE};

/// Calls the hypervisor through the hypercall page and returns rax: a result, or a negative errno.
///
/// Argument registers count as clobbered (a debug Xen poisons them); unused ones are 0.
///
/// # Safety
/// What the call does with the memory its arguments name must be sound.
#[inline(always)]
pub(crate) unsafe fn hypercall(call: Hypercall, args: [u64; 5]) -> i64 {
    let stub = hypercall_page() + call.raw() * STUB_SIZE as u64;
    let result: i64;
    // SAFETY: the domain builder, or arch/pvh/hypervisor.rs, had the page filled with one stub a
    // hypercall; a stub keeps all registers but rax and the arguments. The caller vouches for the
    // call's own effect.
    unsafe {
        asm!(
            "call {stub}",
            stub = in(reg) stub,
            inout("rdi") args[0] => _,
            inout("rsi") args[1] => _,
            inout("rdx") args[2] => _,
            inout("r10") args[3] => _,
            inout("r8") args[4] => _,
            lateout("rax") result,
            lateout("r9") _,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    result
}

/// The page with the stubs.
pub(crate) fn hypercall_page() -> u64 {
    (&raw const HYPERCALL_PAGE).addr() as u64
}

unsafe extern "C" {
    /// arch/image.S.
    #[link_name = "hypercall_page"]
    static HYPERCALL_PAGE: [u8; 4096];
}
