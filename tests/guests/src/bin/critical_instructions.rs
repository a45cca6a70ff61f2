// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sensitive instructions of x86 that do not trap outside ring 0 (Robin and Irvine, 2000): what
//! each shows or does in the kernel of a PV guest, which is in ring 3, and in that of a guest in
//! hardware virtualization. ARCHITECTURE.md has these rows as a table.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use core::arch::asm;
use core::sync::atomic::Ordering;

use minios::GuestType;
use test_guests::descriptor_table::TablePointer;
use test_guests::hypercall::{at, call};
use test_guests::traps::{self, RESUME, faults};
use test_guests::{provoke, pv_or_pvh};
use test_report::Report;
use xen_abi::hypercall::Hypercall;
use xen_abi::mmu::{MmuextCmd, MmuextOp};
use xen_abi::trap::{TrapFlags, VECTOR_BP, VECTOR_GP};

test_report::guest!(run);

/// Executes instructions that end, or fault and are continued, at the address in `there`; whether
/// they faulted. The stack is then as before.
macro_rules! leads_on {
    ($($instruction:literal),+; $selector:expr) => {
        // SAFETY: by either way the code goes on at label 2, with all registers as declared.
        faults(|| unsafe {
            asm!(
                "mov {stack}, rsp",
                "lea {there}, [rip + 2f]",
                "mov [rip + {resume}], {there}",
                $($instruction,)+
                "2:",
                "mov rsp, {stack}",
                stack = out(reg) _, there = out(reg) _, selector = in(reg) $selector,
                resume = sym RESUME,
            );
        }) == 1
    };
}

async fn run(report: &mut Report) {
    traps::record(VECTOR_GP, TrapFlags::empty());
    traps::record(VECTOR_BP, TrapFlags::DPL3);
    tables(report);
    task_and_local_table(report);
    control(report);
    flags(report);
    rights(report);
    selectors(report);
    transfers(report);
}

/// A row: what is so where the hypervisor shines through, and where the guest sees its own
/// processor. `shines` must be so for PV, and for PV only.
fn row(report: &mut Report, instruction: &str, shines: bool, [pv, pvh]: [&str; 2]) {
    report.row(instruction, format_args!("{}", if shines { pv } else { pvh }));
    report.equal(instruction, shines, minios::guest_type() == GuestType::Pv);
}

fn tables(report: &mut Report) {
    const HYPERVISOR: core::ops::Range<u64> = 0xffff_8000_0000_0000..0xffff_8800_0000_0000;
    for (instruction, table) in [("SGDT", TablePointer::gdt()), ("SIDT", TablePointer::idt())] {
        let TablePointer { limit, base } = table;
        let whose = ["the hypervisor's", "its own"];
        let texts = whose.map(|whose| format!("{whose} table, limit {limit:#x}"));
        row(report, instruction, HYPERVISOR.contains(&base), [&texts[0], &texts[1]]);
    }
}

/// A guest that has asked for an LDT sees the selector of whoever owns the GDT.
fn task_and_local_table(report: &mut Report) {
    let (ldt, task): (u64, u64);
    let before = load_ldt();
    // SAFETY: reads two selectors.
    unsafe { asm!("sldt {}", "str {}", out(reg) ldt, out(reg) task, options(nomem, nostack)) };
    unload_ldt(&before);
    for (instruction, selector) in [("SLDT", ldt), ("STR", task)] {
        let texts = ["the hypervisor's", "its own"];
        let texts = texts.map(|whose| format!("{selector:#x}, {whose} selector"));
        row(report, instruction, selector >= 0xe000, [&texts[0], &texts[1]]);
    }
}

/// Has an LDT of one entry; returns the GDT that a PVH guest had before.
fn load_ldt() -> TablePointer {
    static WITH_LDT: [u64; 7] =
        [0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff, 0, 0, 0x8200_0000_0007, 0];
    let before = TablePointer::gdt();
    if minios::guest_type() == GuestType::Pv {
        set_ldt(1);
        return before;
    }
    let new = TablePointer { limit: 55, base: at(&WITH_LDT) };
    // SAFETY: code and data are where they were; nothing looks the task's segment up meanwhile.
    unsafe {
        asm!("lgdt [{}]", "lldt {:x}", in(reg) &raw const new, in(reg) 0x28,
            options(nostack, preserves_flags));
    }
    before
}

fn unload_ldt(before: &TablePointer) {
    if minios::guest_type() == GuestType::Pv {
        return set_ldt(0);
    }
    // SAFETY: the table is the one of before, and a null selector means no LDT.
    unsafe {
        asm!("lldt {:x}", "lgdt [{}]", in(reg) 0, in(reg) core::ptr::from_ref(before),
            options(nostack, preserves_flags));
    }
}

/// Nothing is mapped at the table's address: it has no descriptors to be used.
fn set_ldt(entries: u64) {
    let op = MmuextOp::new(MmuextCmd::SetLdt, 0x1000, entries);
    call(Hypercall::MmuextOp, [at(&op), 1, 0, 0x7ff0, 0]);
}

/// What it writes to CR0, here another "monitor coprocessor", is refused or there.
fn control(report: &mut Report) {
    const MONITOR: u64 = 1 << 1;
    let [before, after] = [MONITOR, 0].map(|flip| {
        let flip_it = || {
            provoke!("mov {old}, cr0", "xor {old}, {flip}", "mov cr0, {old}";
                old = out(reg) _, flip = in(reg) flip);
        };
        let word: u64;
        flip_it();
        // SAFETY: reads a register.
        unsafe { asm!("smsw {}", out(reg) word, options(nomem, nostack)) };
        flip_it();
        word
    });
    let texts = ["CR0 as the hypervisor has set it", "CR0 as it has set it itself"];
    row(report, "SMSW", before == after, texts);
}

/// The guest runs with its events masked: for PV that is a byte in memory, and not a flag.
fn flags(report: &mut Report) {
    const INTERRUPTS: u64 = 1 << 9;
    const PRIVILEGE: u64 = 3 << 12;
    let (before, after): (u64, u64);
    // SAFETY: a level of ring 0 for ports takes nothing from anybody; the flags are restored.
    unsafe {
        asm!("pushfq", "pop {before}", "mov {other}, {before}", "or {other}, 0x3000",
            "push {other}", "popfq", "pushfq", "pop {after}", "push {before}", "popfq",
            before = out(reg) before, other = out(reg) _, after = out(reg) after);
    }
    let texts = ["interrupts on, though it has masked them", "interrupts off, as it has set them"];
    row(report, "PUSHF", before & INTERRUPTS != 0, texts);
    let texts = ["leaves the I/O privilege as it was, without a fault", "sets the I/O privilege"];
    row(report, "POPF", (before ^ after) & PRIVILEGE == 0, texts);
}

/// What descriptors say to a kernel that takes itself to be in ring 0.
fn rights(report: &mut Report) {
    let (rights, limit): (u64, u64);
    let (readable, writable): (u8, u8);
    // SAFETY: reads the descriptor of the code that runs.
    unsafe { asm!("mov {0}, cs", "lar {0:r}, {0:r}", out(reg) rights, options(nomem, nostack)) };
    let texts = ["the kernel's code is of ring 3", "the kernel's code is of ring 0"];
    row(report, "LAR", rights >> 13 & 3 == 3, texts);
    // SAFETY: reads the descriptor of the task that runs, where it may.
    unsafe {
        asm!("str {task}", "xor {limit:e}, {limit:e}", "lsl {limit:r}, {task:r}",
            task = out(reg) _, limit = out(reg) limit, options(nomem, nostack));
    }
    let texts = ["the running task's segment is not to be seen", "the running task's limit, 0x67"];
    row(report, "LSL", limit != 0x67, texts);
    // SAFETY: asks for the rights of a segment.
    unsafe {
        asm!("verr {selector:x}", "setz {readable}", "verw {selector:x}", "setz {writable}",
            selector = in(reg) ring0_data(), readable = out(reg_byte) readable,
            writable = out(reg_byte) writable, options(nomem, nostack));
    }
    row(
        report,
        "VERR",
        readable == 0,
        ["ring 0's data is not readable", "ring 0's data is readable"],
    );
    row(
        report,
        "VERW",
        writable == 0,
        ["ring 0's data is not writable", "ring 0's data is writable"],
    );
}

/// Selectors of ring 0: the hypervisor's (`public/arch-x86/xen-x86_64.h`), or minios's own.
fn ring0_data() -> u64 {
    pv_or_pvh(0xe010, 0x10)
}

fn ring0_code() -> u64 {
    pv_or_pvh(0xe008, 0x08)
}

/// Selectors carry the ring, and are not loaded with that of an inner one. Pushing and popping fs is
/// in bytes: the assembler takes a word by default.
fn selectors(report: &mut Report) {
    let (code, stack): (u64, u64);
    // SAFETY: fs is not in use, and null afterwards as before.
    unsafe {
        asm!("mov {code}, cs", "mov {stack}, ss", "mov fs, {stack:x}", ".byte 0x0f, 0xa0", "pop {stack}",
            "mov fs, {null:x}", code = out(reg) code, stack = out(reg) stack, null = in(reg) 0);
    }
    for (instruction, selector) in [("PUSH", stack), ("MOV", code)] {
        let text = format!("{selector:#x}, a selector of ring {}", selector & 3);
        row(report, instruction, selector & 3 == 3, [&text, &text]);
    }
    let refused = leads_on!("push {selector}", ".byte 0x0f, 0xa1"; ring0_data());
    // SAFETY: as above.
    unsafe { asm!("mov fs, {:x}", in(reg) 0, options(nomem, nostack)) };
    row(report, "POP", refused, ["a segment of ring 0: #GP", "a segment of ring 0: loaded"]);
}

/// Ways to code of ring 0.
fn transfers(report: &mut Report) {
    let code = ring0_code();
    let call =
        leads_on!("push {there}", "mov [rsp + 4], {selector:e}", "call fword ptr [rsp]"; code);
    let jump =
        leads_on!("push {there}", "mov [rsp + 4], {selector:e}", "jmp fword ptr [rsp]"; code);
    let ret = leads_on!("push {selector}", "push {there}", "retfq"; code);
    for (instruction, refused) in [("CALL", call), ("JMP", jump), ("RET", ret)] {
        row(report, instruction, refused, ["to code of ring 0: #GP", "to code of ring 0: done"]);
    }
    let code: u64;
    RESUME.store(0, Ordering::Relaxed);
    // SAFETY: the recording handler goes on behind the instruction.
    unsafe { asm!(".byte 0xcd, 3", "mov {}, cs", out(reg) code) };
    let ring = traps::last(VECTOR_BP).cs & 3;
    let texts =
        ["the hypervisor's gate; its own handler is told ring 0", "its own gate, in ring 0"];
    row(report, "INT", ring != code & 3, texts);
}
