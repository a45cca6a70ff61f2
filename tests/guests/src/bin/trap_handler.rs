// SPDX-License-Identifier: MIT OR Apache-2.0
//! `minios::trap::set_handler`: a handler sees the registers and changes them, and what it does
//! itself, with vectors too, leaves no trace.
#![no_std]
#![no_main]

extern crate alloc;

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use minios::trap::{TrapFrame, set_handler};
use test_report::Report;
use xen_abi::trap::{VECTOR_BP, VECTOR_UD};

test_report::guest!(run);

/// What the handler found in rbx.
static SEEN: AtomicU64 = AtomicU64::new(0);

async fn run(report: &mut Report) {
    set_handler(VECTOR_UD, skip_and_answer);
    set_handler(VECTOR_BP, use_vectors);

    let (answer, flags): (u64, u64);
    // SAFETY: the handler goes on behind ud2, with rax changed.
    unsafe {
        asm!("mov {saved}, rbx", "mov rbx, 7", "stc", "ud2", "pushfq", "pop {flags}",
             "mov rbx, {saved}", saved = out(reg) _, flags = lateout(reg) flags,
             lateout("rax") answer, out("rcx") _);
    }
    report.expect("the handler saw rbx", SEEN.load(Ordering::Relaxed), 7);
    report.expect("the handler set rax", answer, 42);
    report.expect("the carry flag came back", flags & 1, 1);

    let mut stacks = true;
    let mut vectors = true;
    for n in 0..1000u64 {
        let (before, after, kept): (u64, u64, u64);
        // SAFETY: int3 is handled, and goes on behind itself; the stack moves by 8 and back.
        unsafe {
            asm!("movq xmm9, {n}", "mov {before}, rsp", "int3", "push {n}", "int3", "pop {n}",
                 "mov {after}, rsp", "movq {kept}, xmm9", n = in(reg) n,
                 before = out(reg) before, after = out(reg) after, kept = out(reg) kept,
                 out("xmm9") _);
        }
        stacks &= before == after;
        vectors &= kept == n;
    }
    report.check("the stack pointer came back", stacks);
    report.check("vector registers came back", vectors);
}

fn skip_and_answer(frame: &mut TrapFrame) -> bool {
    SEEN.store(frame.rbx, Ordering::Relaxed);
    frame.rax = 42;
    frame.rip += 2;
    true
}

fn use_vectors(_: &mut TrapFrame) -> bool {
    // Something that needs vector registers, and memory.
    alloc::format!("{}", core::hint::black_box(1.5f64) * 3.0) == "4.5"
}
