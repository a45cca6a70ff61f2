// SPDX-License-Identifier: MIT OR Apache-2.0
//! The iret hypercall in the guest's kernel.
use core::arch::asm;

use xen_abi::hypercall::Hypercall;

/// What rax holds behind the return.
pub const RAX: u64 = 77;

/// Executes `call`, which is the iret hypercall or contains it, with these arguments and a frame on
/// the stack that leads on here. Returns rax.
pub fn by(call: Hypercall, [first, second]: [u64; 2]) -> u64 {
    let rax;
    // SAFETY: by the frame the code goes on at label 2, with the stack as it was; what the
    // hypercall changes besides is the test's own.
    unsafe {
        asm!(
            "mov {stack}, rsp",
            "lea {there}, [rip + 2f]",
            "push 0xe02b",
            "push {stack}",
            "push 2",
            "push 0xe030",
            "push {there}",
            "push 0", // flags, rcx, r11
            "push 0",
            "push 0",
            "push {value}",
            "syscall",
            "ud2",
            "2:",
            stack = out(reg) _, there = out(reg) _, value = const RAX,
            inout("rax") call.raw() => rax, inout("rdi") first => _, inout("rsi") second => _,
            out("rcx") _, out("rdx") _, out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    rax
}
