// SPDX-License-Identifier: MIT OR Apache-2.0
//! `smsw` and `lmsw`, the old ways to CR0, of a PVH guest: in code of 16, 32 and 64 bits, with
//! registers of each width and with memory, while read-only pages bind the kernel and while they do
//! not.
#![no_std]
#![no_main]

use core::arch::asm;

use minios::memory::SharedPages;
use test_guests::control::cr0;
use test_guests::old_code::status_words;
use test_guests::traps::faults;
use test_guests::{provoke, traps};
use test_report::Report;
use xen_abi::trap::{TrapFlags, VECTOR_PF};

test_report::guest!(
    run,
    only_pvh = "CR0 of a PV guest is the hypervisor's: `critical_instructions`"
);

const PE: u64 = 1 << 0;
const TS: u64 = 1 << 3;
const WP: u64 = 1 << 16;
const LOW: u64 = 0xffff;

async fn run(report: &mut Report) {
    traps::record(VECTOR_PF, TrapFlags::empty());
    let Ok(page) = SharedPages::alloc(1) else { return report.error("a page", "no memory") };
    let before = cr0();
    for (name, bound) in [("WP", WP), ("no WP", 0)] {
        set_cr0(before & !WP | bound | TS);
        let found = attempt(&page);
        set_cr0(before);
        report.expect(&alloc::format!("16-bit code, {name}"), found[0], wanted(before, bound));
        report.expect(&alloc::format!("32-bit code, {name}"), found[1], wanted(before, bound));
    }
    for (name, bound) in [("WP", WP), ("no WP", 0)] {
        set_cr0(before & !WP | bound | TS);
        let found = in_64_bit_code(&page);
        set_cr0(before);
        let all = before & !WP | bound | TS;
        let wanted = [!LOW | all & LOW, all & 0xffff_ffff, all, all & LOW, all & LOW, all & !TS];
        report.expect(&alloc::format!("64-bit code, {name}"), found, wanted);
    }
    set_cr0(before & !WP);
    let load = faults(|| provoke!("lmsw word ptr [{at}]"; at = in(reg) 8u64));
    let store = faults(|| provoke!("smsw word ptr [{at}]"; at = in(reg) 8u64));
    set_cr0(before);
    report.expect("of no memory", (load, store), (1, 1));
    report.expect("as a write", traps::last(VECTOR_PF).error, Some(2));
}

/// Both, one after the other; TS is set when each begins.
fn attempt(page: &SharedPages) -> [[u32; 8]; 2] {
    let all = cr0();
    [true, false].map(|is_16_bit| {
        set_cr0(all);
        status_words(is_16_bit, page)
    })
}

/// What there is to be found with TS set.
fn wanted(cr0: u64, bound: u64) -> [u32; 8] {
    let all = cr0 & !WP | bound | TS;
    let word = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap_or(0);
    let low = word(all & LOW);
    // `lmsw` of 0 clears MP, EM and TS, and leaves PE.
    let cleared = word(all & LOW & !0xf | all & PE);
    let without_ts = word(all & LOW & !TS);
    [word(!LOW | all & LOW), word(all), low, low, low, without_ts, low, cleared]
}

/// Sets CR0, in which only WP and TS change: nothing here uses vector registers meanwhile.
fn set_cr0(value: u64) {
    // SAFETY: as above.
    unsafe { asm!("mov cr0, {}", in(reg) value, options(nostack, preserves_flags)) };
}

/// 16, 32 and 64 bits of a register; memory, by a base and by an index; CR0 after `lmsw` of memory.
fn in_64_bit_code(page: &SharedPages) -> [u64; 6] {
    let (mut short, mut wide, mut long) = (u64::MAX, u64::MAX, u64::MAX);
    let after: u64;
    let at = page.address() as u64;
    // SAFETY: stores words in the page; TS comes back when the caller sets CR0.
    unsafe {
        asm!("smsw {short:x}", "smsw {wide:e}", "smsw {long:r}",
            "smsw word ptr [{at} + 8]", "smsw word ptr [{at} + {index} * 4 + 4]",
            "and {word:e}, 0xfff7", "mov word ptr [{at}], {word:x}", "lmsw word ptr [{at}]",
            "mov {after}, cr0",
            short = inout(reg) short, wide = inout(reg) wide, long = inout(reg) long,
            at = in(reg) at, index = in(reg) 3u64, after = out(reg) after,
            word = inout(reg) cr0() => _);
    }
    [short, wide, long, page.load_u16(8).into(), page.load_u16(16).into(), after]
}

extern crate alloc;
