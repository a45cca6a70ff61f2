// SPDX-License-Identifier: MIT OR Apache-2.0
//! A second vCPU of a PVH domain: started by `vcpu_op` and by messages of the local APIC, and sent
//! interrupts and NMIs.
#![no_std]
#![no_main]

use core::sync::atomic::Ordering;

use test_guests::apic::{Apic, BASE, DISABLED, ENABLED, register};
use test_guests::hypercall::{at, call3};
use test_guests::interrupts::{
    NMI, SENT_WITHIN, count, during, give_back, open, send_within_next, take_over, wait_until,
};
use test_guests::msr::wrmsr;
use test_guests::own_tables::{OwnTables, address};
use test_guests::page_entry::{self, RW, flush};
use test_guests::second_vcpu::{
    ANSWER, BEGUN, CR4, DONE, ENTRY, FOUND, WAKE, Wish, ask, context_64, long, op, real_mode_code,
    send,
};
use test_guests::{minus, poke, traps, word};
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::frame::PAGE_SIZE;
use xen_abi::hvm_vcpu::{VcpuHvm32, VcpuHvm64, VcpuHvmContext};
use xen_abi::hypercall::Hypercall;
use xen_abi::trap::{TrapFlags, VECTOR_GP};
use xen_abi::vcpu::VcpuOp;

test_report::guest!(run, only_pvh = "other vCPUs of a PV guest begin in another way");

const IS_MSR: u64 = 0xfee0_0d00;
const LOGICAL: u64 = 1 << 11;
const OTHERS: u64 = 3 << 18;
const NMI_MESSAGE: u64 = 0x400;
const INIT: u64 = 0x4500;
const STARTUP: u64 = 0x4600;
/// The page of low memory where it begins in real mode.
const PAGE: u8 = 9;

async fn run(report: &mut Report) {
    traps::record(VECTOR_GP, TrapFlags::empty());
    report.check("interrupts are the test's", take_over());
    wrmsr(BASE, IS_MSR);
    Apic::Msr.write(register::SPURIOUS, ENABLED);
    refused(report);
    refused_32(report);
    by_hypercall(report);
    messages(report);
    non_maskable(report);
    stops(report);
    by_messages(report);
    Apic::Msr.write(register::SPURIOUS, DISABLED);
    report.check("and minios's again", give_back());
}

fn initialise(context: &VcpuHvmContext) -> i64 {
    op(VcpuOp::Initialise, at(context))
}

fn refused(report: &mut Report) {
    report.expect("is it up", op(VcpuOp::IsUp, 0), 0);
    report.expect("up without registers", op(VcpuOp::Up, 0), minus(Errno::Einval));
    let missing = call3(Hypercall::VcpuOp, VcpuOp::Up.raw().into(), 7, 0);
    report.expect("no such vCPU", missing, minus(Errno::Enoent));
    report.expect("registers at nowhere", op(VcpuOp::Initialise, 8), minus(Errno::Efault));
    let good = context_64(&long());
    let mut try_it = |name: &str, context: VcpuHvmContext| {
        report.expect(name, initialise(&context), minus(Errno::Einval));
    };
    try_it("mode 2", VcpuHvmContext { mode: 2, ..good });
    try_it("padding", VcpuHvmContext { _pad: 1, ..good });
    try_it("64-bit: rip that is not canonical", context_64(&VcpuHvm64 { rip: 1 << 47, ..long() }));
    try_it("64-bit: without paging", context_64(&VcpuHvm64 { cr0: 0x33, ..long() }));
    try_it("64-bit: without PAE", context_64(&VcpuHvm64 { cr4: 0x600, ..long() }));
    try_it("64-bit: without LME", context_64(&VcpuHvm64 { efer: 0, ..long() }));
    try_it(
        "64-bit: CR4 of a kind that there is not",
        context_64(&VcpuHvm64 { cr4: 1 << 30 | CR4, ..long() }),
    );
    try_it("64-bit: EFER with SVME", context_64(&VcpuHvm64 { efer: 0x1900, ..long() }));
}

fn refused_32(report: &mut Report) {
    let good = VcpuHvm32 {
        cr0: 0x11,
        eflags: 2,
        limits: [u32::MAX, u32::MAX, u32::MAX, u32::MAX, 0x67],
        attributes: [0xc9b, 0xc93, 0xc93, 0xc93, 0x8b],
        ..Default::default()
    };
    let mut try_it = |name: &str, registers: VcpuHvm32| {
        let mut context = VcpuHvmContext::default();
        context.registers.copy_from_slice(zerocopy::IntoBytes::as_bytes(&registers));
        let name = alloc::format!("32-bit: {name}");
        report.expect(&name, initialise(&context), minus(Errno::Einval));
    };
    let with = |segment: usize, attributes: u16| {
        let mut registers = good;
        registers.attributes[segment] = attributes;
        registers
    };
    try_it("padding", VcpuHvm32 { _pad1: 1, ..good });
    try_it("cs absent", with(0, 0xc1b));
    try_it("cs null", with(0, 0));
    try_it("cs is data", with(0, 0xc93));
    try_it("attributes of 13 bits", with(0, 0x1c9b));
    try_it("ds cannot be read", with(1, 0xc99));
    try_it("ds of ring 3", with(1, 0xcf3));
    try_it("ss null", with(2, 0));
    try_it("ss cannot be written", with(2, 0xc91));
    try_it("ss of ring 3", with(2, 0xcf3));
    try_it("es of ring 3", with(3, 0xcf3));
    try_it("tr null", with(4, 0));
    try_it("tr is data", with(4, 0xc93));
    try_it("tr is a 16-bit task", with(4, 0x83));
    let mut small = with(0, 0x49b);
    (small.limits[0], small.eip) = (0xffff, 0x1_0000);
    try_it("eip beyond the limit", small);
    try_it("LMA without LME", VcpuHvm32 { efer: 1 << 10, ..good });
}

fn begun(times: u64) -> bool {
    wait_until(|| BEGUN.load(Ordering::SeqCst) == times)
}

fn by_hypercall(report: &mut Report) {
    let good = context_64(&long());
    report.expect("initialise", initialise(&good), 0);
    report.expect("initialise again", initialise(&good), minus(Errno::Eexist));
    report.expect("it is down", op(VcpuOp::IsUp, 0), 0);
    report.expect("up", op(VcpuOp::Up, 0), 0);
    report.expect("it is up", op(VcpuOp::IsUp, 0), 1);
    report.expect("it runs", begun(1), true);
    let [base, id, logical] = [0, 1, 2].map(|at: usize| FOUND[at].load(Ordering::SeqCst));
    report.expect("its base, its number", (base, id), (0xfee0_0800, 2));
    report.row("its logical number", logical);
}

/// Sends it an interrupt, and waits until its handler has run.
fn woken(low: u64) -> bool {
    let before = count(WAKE);
    send(low | u64::from(WAKE));
    wait_until(|| count(WAKE) > before)
}

fn messages(report: &mut Report) {
    report.expect("an interrupt to it", woken(0), true);
    let logical = FOUND[2].load(Ordering::SeqCst);
    let before = count(WAKE);
    Apic::Msr.write(register::COMMAND, logical << 32 | LOGICAL | u64::from(WAKE));
    report.expect("by its logical number", wait_until(|| count(WAKE) > before), true);
    report.expect("to all others", woken(OTHERS), true);
    ask(Wish::Answer);
    let before = count(ANSWER);
    report.expect("it is asked", woken(0), true);
    report.expect("it answers", wait_until(|| count(ANSWER) > before), true);
    Apic::Msr.end();
}

fn non_maskable(report: &mut Report) {
    let its_own = |send: &dyn Fn()| {
        let before = count(NMI);
        send();
        wait_until(|| count(NMI) > before)
    };
    report.expect("NMI to it", its_own(&|| send(NMI_MESSAGE)), true);
    report.expect("NMI by hypercall", its_own(&|| assert_eq!(op(VcpuOp::SendNmi, 0), 0)), true);
    report.expect("NMI with an argument", op(VcpuOp::SendNmi, 8), minus(Errno::Einval));
    // This vCPU's own comes while interrupts are off.
    let itself = during(|| Apic::Msr.write(register::COMMAND, NMI_MESSAGE));
    report.expect("NMI to itself", itself, alloc::vec![u64::from(NMI)]);
    let again = during(|| Apic::Msr.write(register::COMMAND, NMI_MESSAGE));
    report.expect("and one more", again, alloc::vec![u64::from(NMI)]);
    let nested = during(|| {
        let before = count(NMI);
        send_within_next();
        Apic::Msr.write(register::COMMAND, NMI_MESSAGE);
        wait_until(|| count(NMI) == before + 2);
    });
    let one_by_one = alloc::vec![u64::from(NMI), SENT_WITHIN, u64::from(NMI)];
    report.expect("one that its handler sends waits", nested, one_by_one);
}

fn is_down() -> bool {
    wait_until(|| op(VcpuOp::IsUp, 0) == 0)
}

fn has_done(times: u64) -> bool {
    wait_until(|| DONE.load(Ordering::SeqCst) == times)
}

fn stops(report: &mut Report) {
    report.expect("down", op(VcpuOp::Down, 0), 0);
    report.expect("it is down now", op(VcpuOp::IsUp, 0), 0);
    let before = count(WAKE);
    send(u64::from(WAKE));
    open();
    report.expect("an interrupt waits", count(WAKE) - before, 0);
    report.expect("up again", op(VcpuOp::Up, 0), 0);
    report.expect("the interrupt comes", wait_until(|| count(WAKE) > before), true);
    ask(Wish::Down);
    report.expect("asked to go down", woken(0), true);
    report.expect("it goes down", is_down(), true);
    report.expect("up once more", op(VcpuOp::Up, 0), 0);
    report.expect("it goes on", has_done(2), true);
    ask(Wish::Stop);
    report.expect("asked to halt", woken(0), true);
    report.expect("hlt with interrupts off is down", is_down(), true);
    let before = count(NMI);
    send(NMI_MESSAGE);
    report.expect("an NMI ends it", wait_until(|| count(NMI) > before), true);
    report.expect("it goes on behind it", has_done(3), true);
    report.expect("it is up again", op(VcpuOp::IsUp, 0), 1);
}

/// An address in the page where it begins.
const fn at_page(offset: u64) -> u64 {
    (PAGE as u64) << 12 | offset
}

fn by_messages(report: &mut Report) {
    let Some(tables) = OwnTables::new(2) else { return report.error("pages", "no memory") };
    let [first, second] = [3, 4].map(|number| tables.page(number));
    poke(first, 1);
    poke(second, 2);
    let (code, cr0) = real_mode_code(u32::try_from(second | RW).unwrap_or(0));
    let page = core::ptr::with_exposed_provenance_mut::<u8>(usize::from(PAGE) << 12);
    let mut kept = alloc::vec![0u8; PAGE_SIZE];
    // SAFETY: low memory is mapped where it is; nobody else runs, and it is restored.
    unsafe { page.copy_to_nonoverlapping(kept.as_mut_ptr(), kept.len()) };
    // SAFETY: as above.
    unsafe { page.copy_from_nonoverlapping(code.as_ptr(), code.len()) };
    // It goes on there when it has turned paging on.
    let executable = at_page(0) | RW;
    report.expect("a page for code", page_entry::set(at_page(0), executable), true);
    send(STARTUP | u64::from(PAGE));
    report.expect("start-up while it runs", BEGUN.load(Ordering::SeqCst), 1);
    send(INIT);
    report.expect("INIT", is_down(), true);
    report.expect("up after INIT", op(VcpuOp::Up, 0), minus(Errno::Einval));
    // Its page is a table of this vCPU's as well.
    tables.set(1, 0, at_page(0) | RW);
    poke(at_page(ENTRY * 8), first | RW);
    report.expect("an entry in its page", word(address(0, 0, ENTRY)), 1);
    send(STARTUP | u64::from(PAGE));
    report.expect("start-up", begun(2), true);
    flush();
    report.expect("the entry that it changed", word(address(0, 0, ENTRY)), 2);
    tables.set(1, 0, 0);
    let at = page.wrapping_add(cr0).cast::<u32>();
    // SAFETY: in the page; it has written there.
    let cr0 = unsafe { at.read_volatile() };
    report.expect("it began in real mode", cr0 & 1, 0);
    // SAFETY: as above.
    unsafe { page.copy_from_nonoverlapping(kept.as_ptr(), kept.len()) };
    report.expect("its base stays", FOUND[0].load(Ordering::SeqCst), 0xfee0_0c00);
    report.expect("it is woken", woken(0), true);
    send(INIT);
    report.expect("INIT again", is_down(), true);
    report.expect("initialise after INIT", initialise(&context_64(&long())), 0);
    report.expect("up after it", op(VcpuOp::Up, 0), 0);
    report.expect("it runs again", begun(3), true);
    report.expect("down at the end", op(VcpuOp::Down, 0), 0);
}

extern crate alloc;
