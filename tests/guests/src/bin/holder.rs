// SPDX-License-Identifier: MIT OR Apache-2.0
//! No test: a PVH guest that keeps the processor by all that a kernel can do for it, one way after
//! the other, with interrupts off throughout. As a PV guest it spins.
#![no_std]
#![no_main]

use core::arch::asm;
use core::arch::x86_64::_rdtsc;

use minios::GuestType;
use minios::trap::{self, TrapFrame};
use xen_abi::trap::{VECTOR_AC, VECTOR_DB};

/// Rounds of one way before the next.
const ROUNDS: u64 = 20_000;

async fn hold() {
    log::info!("holding the processor");
    if minios::guest_type() == GuestType::Pv {
        test_guests::spin();
    }
    trap::set_handler(VECTOR_DB, again);
    trap::set_handler(VECTOR_AC, again);
    loop {
        shadows();
        pauses();
        counters();
        breakpoints();
        single_steps();
    }
}

/// Goes on, which raises the next one.
fn again(_: &mut TrapFrame) -> bool {
    true
}

/// Interrupts are held back behind each of these.
fn shadows() {
    for _ in 0..ROUNDS {
        // SAFETY: the stack's selector stays what it is; interrupts go off again at once.
        unsafe {
            asm!("mov {s}, ss", "mov ss, {s:e}", "mov ss, {s:e}", "sti", "cli", "sti", "cli",
                s = out(reg) _);
        }
    }
}

fn pauses() {
    (0..ROUNDS).for_each(|_| core::hint::spin_loop());
}

fn counters() {
    for _ in 0..ROUNDS {
        // SAFETY: reads a counter.
        core::hint::black_box(unsafe { _rdtsc() });
    }
}

/// A breakpoint on a word of the stack, hit over and over.
fn breakpoints() {
    const WRITES_OF_8_BYTES: u64 = 0x9_0402;
    let mut word = 0u64;
    let address = &raw mut word;
    // SAFETY: the handler goes on behind the store; the breakpoint is taken away below.
    unsafe { asm!("mov dr0, {}", "mov dr7, {}", in(reg) address, in(reg) WRITES_OF_8_BYTES) };
    for round in 0..ROUNDS / 8 {
        // SAFETY: the word is ours.
        unsafe { address.write_volatile(round) };
    }
    // SAFETY: no breakpoints any more.
    unsafe { asm!("mov dr7, {}", in(reg) 0x400u64) };
}

/// A trap after each instruction, the handler's return included; `mov ss` holds it back until behind
/// an instruction that leaves the guest.
fn single_steps() {
    for _ in 0..ROUNDS / 64 {
        // SAFETY: the trap flag is taken back.
        unsafe {
            asm!(
                "pushfq",
                "or qword ptr [rsp], 0x100",
                "popfq",
                "nop",
                "mov {kept}, rbx",
                "mov {s}, ss",
                "mov ss, {s:e}",
                "cpuid",
                "mov rbx, {kept}",
                "pushfq",
                "and qword ptr [rsp], ~0x100",
                "popfq",
                s = out(reg) _,
                kept = out(reg) _,
                inout("eax") 0 => _,
                out("ecx") _,
                out("edx") _,
            );
        }
    }
}

minios::entry!(hold);
