// SPDX-License-Identifier: MIT OR Apache-2.0
//! A PVH guest changes its own page tables in all ways that the architecture allows: with a flush
//! where it demands one and without where not, through aliases, through the table itself, and while
//! the table is code, stack and data as well.
#![no_std]
#![no_main]

use core::arch::asm;

use test_guests::control::cr0;
use test_guests::hypercall::{at_mut, call3};
use test_guests::own_tables::{OwnTables, address};
use test_guests::page_entry::{
    ACCESSED, DIRTY, LARGE, NO_EXECUTE, PRESENT, RW, flush, invalidate, root,
};
use test_guests::{poke, provoke, traps, word};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::grant_table::{CopyPtr, GrantCopy, GrantStatus, GrantTableOp};
use xen_abi::hypercall::Hypercall;
use xen_abi::trap::{TrapFlags, VECTOR_GP, VECTOR_PF};

test_report::guest!(run, only_pvh = "a PVH guest writes its page tables itself");

/// The table of level 1, and the first page that is none.
const L1: u64 = 2;
const DATA: u64 = 8;
const PAGES: usize = 16;

async fn run(report: &mut Report) {
    traps::record(VECTOR_PF, TrapFlags::empty());
    traps::record(VECTOR_GP, TrapFlags::empty());
    let Some(tables) = OwnTables::new(PAGES) else { return report.error("pages", "no memory") };
    (DATA..PAGES as u64).for_each(|page| poke(tables.page(page), page));
    changes(report, &tables);
    marks(report, &tables);
    rights(report, &tables);
    large_pages(report, &tables);
    own_views(report, &tables);
    other_uses(report, &tables);
    copies(report, &tables);
}

/// The error code of a read; `None` if it is possible.
fn read(at: u64) -> Option<u64> {
    fault(|| provoke!("mov rax, [{at}]"; at = in(reg) at, out("rax") _))
}

/// The same of a write, which changes nothing.
fn write(at: u64) -> Option<u64> {
    fault(|| provoke!("lock or qword ptr [{at}], 0"; at = in(reg) at))
}

fn execute(at: u64) -> Option<u64> {
    fault(|| provoke!("jmp {at}"; at = in(reg) at))
}

fn fault(work: impl FnOnce()) -> Option<u64> {
    (traps::faults(work) > 0).then(|| traps::last(VECTOR_PF).error).flatten()
}

/// A fault by bits that must be 0. Processors say that the page is present then, QEMU does not.
fn is_reserved(error: Option<u64>) -> bool {
    error.is_some_and(|code| code & !1 == 8)
}

fn changes(report: &mut Report, tables: &OwnTables) {
    let at = |slot| address(0, 0, slot);
    report.expect("nothing there", read(at(1)), Some(0));
    tables.set(L1, 1, tables.page(DATA) | PRESENT);
    report.expect("a page given needs no flush", word(at(1)), DATA);
    report.expect("read-only", write(at(1)), Some(3));
    tables.set(L1, 1, tables.page(DATA) | RW);
    report.expect("a right given needs no flush", write(at(1)), None);
    tables.set(L1, 1, tables.page(DATA + 1) | RW);
    invalidate(at(1));
    report.expect("another page, flushed", word(at(1)), DATA + 1);
    tables.set(L1, 1, tables.page(DATA + 1) | PRESENT);
    invalidate(at(1));
    report.expect("a right taken, flushed", write(at(1)), Some(3));
    tables.set(L1, 1, 0);
    flush();
    report.expect("a page taken, all flushed", read(at(1)), Some(0));
    // The same table once more, by another entry of level 2; then another table there.
    tables.set(1, 1, tables.page(L1) | RW);
    tables.set(L1, 3, tables.page(DATA + 3) | RW);
    report.expect("by two ways", (word(at(3)), word(address(0, 1, 3))), (DATA + 3, DATA + 3));
    tables.set(3, 3, tables.page(DATA + 4) | RW);
    tables.set(1, 1, tables.page(3) | RW);
    invalidate(address(0, 1, 7));
    let both = (word(at(3)), word(address(0, 1, 3)));
    report.expect("any flush is one of the upper levels", both, (DATA + 3, DATA + 4));
    tables.set(L1, 4, tables.page(DATA) | RW | 1 << 51);
    report.expect("a bit that no address has", is_reserved(read(at(4))), true);
    tables.set(L1, 4, 0);
    invalidate(at(4));
}

/// Accessed and dirty bits are set at each level, and again after they were cleared.
fn marks(report: &mut Report, tables: &OwnTables) {
    let at = address(0, 0, 8);
    let marks = |table, slot| tables.get(table, slot) & (ACCESSED | DIRTY);
    tables.set(L1, 8, tables.page(DATA) | RW);
    let _ = word(at);
    report.expect("read", marks(L1, 8), ACCESSED);
    report.expect("above", (marks(0, 0), marks(1, 0)), (ACCESSED, ACCESSED));
    write(at);
    report.expect("written", marks(L1, 8), ACCESSED | DIRTY);
    for (table, slot) in [(L1, 8), (1, 0), (0, 0)] {
        tables.set(table, slot, tables.get(table, slot) & !(ACCESSED | DIRTY));
    }
    invalidate(at);
    let _ = word(at);
    report.expect("read again", (marks(L1, 8), marks(1, 0)), (ACCESSED, ACCESSED));
    write(at);
    report.expect("written again", marks(L1, 8), ACCESSED | DIRTY);
}

fn rights(report: &mut Report, tables: &OwnTables) {
    const WP: u64 = 1 << 16;
    let at = address(0, 0, 9);
    tables.set(L1, 9, tables.page(DATA) | PRESENT | NO_EXECUTE);
    report.expect("no execution", execute(at), Some(0x11));
    let cr0 = cr0();
    // SAFETY: writes to read-only pages of the kernel's are not wanted but below.
    unsafe { asm!("mov cr0, {}", in(reg) cr0 & !WP) };
    report.expect("a kernel that may", write(at), None);
    report.expect("is dirty", tables.get(L1, 9) & DIRTY, DIRTY);
    // SAFETY: as it was.
    unsafe { asm!("mov cr0, {}", in(reg) cr0 | WP) };
    report.expect("and may no longer", write(at), Some(3));
}

/// A page of 2 MiB over memory and tables in use, and one where there is no memory.
fn large_pages(report: &mut Report, tables: &OwnTables) {
    const SIZE: u64 = 1 << 21;
    let page = tables.page(DATA + 2);
    tables.set(1, 2, page & !(SIZE - 1) | RW | LARGE);
    let at = address(0, 2, 0) + page % SIZE;
    report.expect("a large page", word(at), DATA + 2);
    report.expect("is not dirty", tables.get(1, 2) & (ACCESSED | DIRTY), ACCESSED);
    report.expect("written", (write(at), tables.get(1, 2) & DIRTY), (None, DIRTY));
    tables.set(1, 3, 0xf000_0000 | RW | LARGE);
    let hole =
        traps::faults(|| provoke!("mov rax, [{at}]"; at = in(reg) address(0, 3, 5), out("rax") _));
    report.expect("over a hole", hole, 1);
    tables.set(1, 3, 1 << 13 | RW | LARGE);
    invalidate(address(0, 3, 0));
    report.expect("at an odd place", is_reserved(read(address(0, 3, 5))), true);
    tables.set(1, 3, 0);
    flush();
}

/// A table that shows itself: entries are written where they are the translation of that write.
fn own_views(report: &mut Report, tables: &OwnTables) {
    let view = address(0, 0, 511);
    tables.set(L1, 511, tables.page(L1) | RW);
    poke(view + 20 * 8, tables.page(DATA + 5) | RW);
    report.expect("through itself", word(address(0, 0, 20)), DATA + 5);
    poke(view + 20 * 8, tables.page(DATA + 6) | RW);
    invalidate(address(0, 0, 20));
    report.expect("once more", word(address(0, 0, 20)), DATA + 6);
    // The root as the table of each level: the last of its entries that is so found is its own.
    let (root, slot) = (root(), 201_u64);
    poke(root + slot * 8, root | RW);
    let own = slot << 39 | slot << 30 | slot << 21 | slot << 12 | slot << 3;
    report.expect("the root in itself", word(own) & !0xfff, root);
    let entry = slot << 39 | 200 << 30 | 21 << 3;
    report.expect("an entry of ours by it", word(entry), 0);
    poke(entry, tables.page(DATA + 7) | RW);
    report.expect("written there", word(address(0, 0, 21)), DATA + 7);
    poke(root + slot * 8, 0);
    flush();
}

/// A table whose unused entries are code, and another use of them as a stack.
fn other_uses(report: &mut Report, tables: &OwnTables) {
    /// `nop`, `mov eax, 0x12340000`, `ret`: as an entry it is not present.
    const CODE: u64 = 0x00c3_1234_0000_b890;
    tables.set(L1, 30, tables.page(L1) | RW);
    tables.set(L1, 40, CODE);
    let at = address(0, 0, 30) + 40 * 8;
    let call = || {
        let result: u64;
        // SAFETY: the code is above; it changes rax alone.
        unsafe { asm!("call {}", in(reg) at, out("rax") result, clobber_abi("C")) };
        result
    };
    report.expect("code in a table", call(), 0x1234_0000);
    tables.set(L1, 40, CODE + (1 << 32));
    report.expect("changed", call(), 0x1235_0000);
    let top = address(0, 0, 30) + 4096 - 512;
    let popped: u64;
    // SAFETY: the stack is the test's own while interrupts are off, and given back.
    unsafe {
        asm!("pushfq", "pop {f}", "cli", "mov {s}, rsp", "mov rsp, {top}", "push 2", "push 4",
            "pop {p}", "mov rsp, {s}", "push {f}", "popfq",
            f = out(reg) _, s = out(reg) _, top = in(reg) top, p = out(reg) popped);
    }
    report.expect("a stack in a table", (popped, word(top - 8)), (4, 2));
    tables.set(L1, 41, tables.page(DATA) | RW);
    report.expect("and a table still", word(address(0, 0, 41)), DATA);
}

/// The hypervisor writes an entry for the guest: a grant copy between two of its frames.
fn copies(report: &mut Report, tables: &OwnTables) {
    const SLOT: u64 = 50;
    let at = address(0, 0, SLOT);
    tables.set(L1, SLOT, tables.page(DATA) | RW);
    flush();
    let _ = word(at);
    poke(tables.page(DATA + 2), tables.page(DATA + 1) | RW);
    let frame = |page, slot: u64| CopyPtr {
        ref_or_gmfn: tables.page(page) >> 12,
        domid: DomId::SELF,
        offset: u16::try_from(slot * 8).unwrap_or(0),
        ..Default::default()
    };
    let (source, dest) = (frame(DATA + 2, 0), frame(L1, SLOT));
    let mut copy = GrantCopy { source, dest, len: 8, ..Default::default() };
    let which = u64::from(GrantTableOp::Copy.raw());
    let result = call3(Hypercall::GrantTableOp, which, at_mut(&mut copy), 1);
    report.expect("an entry copied", (result, copy.status), (0, GrantStatus::OKAY));
    flush();
    report.expect("and used", word(at), DATA + 1);
}
