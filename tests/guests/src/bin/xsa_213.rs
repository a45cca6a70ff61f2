// SPDX-License-Identifier: MIT OR Apache-2.0
//! A multicall whose first call is `iret`: what follows it is not executed, since it would be with
//! the registers, and perhaps in the mode, that the first one has set (XSA-213, CVE-2017-8903).
#![no_std]
#![no_main]

use core::arch::{asm, global_asm};

use test_guests::hypercall::at_mut;
use test_report::Report;
use xen_abi::hypercall::Hypercall;
use xen_abi::multicall::MulticallEntry;

test_report::guest!(run, only_pv = "a PVH guest has no iret hypercall");

global_asm!(
    // multicall_with_iret(entries: rdi, count: esi): the iret of the first entry leads to the caller.
    ".text",
    ".balign 16",
    "multicall_with_iret:",
    "pop rdx",
    "mov rax, rsp",
    "push 0xe02b",
    "push rax",
    "push 2",
    "push 0xe030",
    "push rdx",
    "push 0",
    "push 0",
    "push 0",
    "push 77",
    "mov eax, 13",
    "syscall",
    "ud2",
);

unsafe extern "C" {
    fn multicall_with_iret();
}

async fn run(report: &mut Report) {
    const UNTOUCHED: i64 = 0x55;
    let entry = |call: Hypercall| MulticallEntry {
        op: call.raw(),
        result: UNTOUCHED,
        ..MulticallEntry::default()
    };
    let mut entries = [entry(Hypercall::Iret), entry(Hypercall::XenVersion)];
    let rax: u64;
    // SAFETY: comes back by the iret with rax from its frame; rcx and r11 are zero then.
    unsafe {
        asm!("call {f}", f = sym multicall_with_iret, inout("rdi") at_mut(&mut entries) => _,
            inout("rsi") 2_u64 => _, out("rax") rax, out("rdx") _, out("rcx") _, out("r10") _,
            out("r8") _, out("r9") _, out("r11") _);
    }
    report.expect("back by iret", rax, 77);
    report.expect("the second call", entries[1].result, UNTOUCHED);
}
