// SPDX-License-Identifier: MIT OR Apache-2.0
//! A system call whose instruction ends the lower half of the address space: the address to
//! return to is not canonical, and a sysret to it would fault in ring 0 on the guest's stack
//! (XSA-7, CVE-2012-0217). The guest must get a #GP instead.
#![no_std]
#![no_main]

use core::arch::asm;

use minios::memory::SharedPages;
use test_guests::hypercall::{at, call};
use test_guests::{provoke, traps};
use test_report::Report;
use xen_abi::frame::PAGE_SIZE;
use xen_abi::hypercall::Hypercall;
use xen_abi::mmu::{MmuUpdate, UVMF_INVLPG};
use xen_abi::trap::{TrapFlags, VECTOR_GP};

test_report::guest!(run, only_pv = "a PVH guest makes no hypercalls by syscall");

const SELF: u64 = 0x7ff0;
/// The last slot of a table, and that of the lower half in the L4.
const LAST: u64 = 511;
const LAST_LOW: u64 = 255;
/// The last two bytes of the lower half, and what is behind them.
const SYSCALL: u64 = 0x7fff_ffff_fffe;
const BEHIND: u64 = SYSCALL + 2;
/// Present, user, accessed; for a table also writable and dirty.
const LEAF: u64 = 0x25;
const TABLE: u64 = 0x67;

fn set_entry(table: u64, slot: u64, value: u64) -> i64 {
    let request = MmuUpdate { ptr: table << 12 | slot << 3, val: value };
    call(Hypercall::MmuUpdate, [at(&request), 1, 0, SELF, 0])
}

async fn run(report: &mut Report) {
    let Ok(pages) = SharedPages::alloc(4) else {
        return report.error("memory", "too little");
    };
    let [l1, l2, l3, code] = [0, 1, 2, 3].map(|page| pages.mfn(page).get());
    pages.write(4 * PAGE_SIZE - 2, &[0x0f, 0x05]);
    for page in 0..3 {
        let address = (pages.address() + page * PAGE_SIZE) as u64;
        call(Hypercall::UpdateVaMapping, [address, 0, UVMF_INVLPG, 0, 0]);
    }
    let cr3: u64;
    // SAFETY: emulated by the hypervisor.
    unsafe { asm!("mov {}, cr3", out(reg) cr3) };
    report.expect("L1", set_entry(l1, LAST, code << 12 | LEAF), 0);
    report.expect("L2", set_entry(l2, LAST, l1 << 12 | TABLE), 0);
    report.expect("L3", set_entry(l3, LAST, l2 << 12 | TABLE), 0);
    report.expect("L4", set_entry(cr3 >> 12, LAST_LOW, l3 << 12 | TABLE), 0);
    traps::record(VECTOR_GP, TrapFlags::empty());
    for number in [Hypercall::XenVersion.raw(), 1000] {
        let before = traps::count();
        provoke!("jmp {place}"; place = in(reg) SYSCALL, inout("rax") number => _,
            in("rdi") 0u64, in("rsi") 0u64, out("rcx") _, out("r11") _);
        report.expect("#GP", traps::count() - before, 1);
        report.expect("where", traps::last(VECTOR_GP).rip, BEHIND);
    }
    report.expect("L4 cleared", set_entry(cr3 >> 12, LAST_LOW, 0), 0);
    // The pages are not where the heap believes.
    core::mem::forget(pages);
}
