// SPDX-License-Identifier: MIT OR Apache-2.0
//! A selector that the processor took once and refuses when the domain runs again: the hypervisor
//! loads null instead and tells the guest by its failsafe callback.
#![no_std]
#![no_main]

use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicU64, Ordering};

use minios::memory::SharedPages;
use test_guests::hypercall::{at, call, call2};
use test_report::Report;
use xen_abi::hypercall::Hypercall;
use xen_abi::mmu::{MmuextCmd, MmuextOp, UVMF_INVLPG};
use xen_abi::trap::{CallbackOp, CallbackRegister, CallbackType};

test_report::guest!(run, only_pv = "a PVH guest has no failsafe callback");

/// A data segment of ring 3 over all of memory.
const DATA: u64 = 0x00cf_f300_0000_ffff;
/// The first descriptor of the LDT.
const SELECTOR: u16 = 7;
const READ_ONLY: u64 = 5;

static COUNT: AtomicU64 = AtomicU64::new(0);
static FRAME: [AtomicU64; 11] = [const { AtomicU64::new(0) }; 11];
static HANDLER_STACK: AtomicU64 = AtomicU64::new(0);

global_asm!(
    // The frame is rcx, r11, ds, es, fs, gs, then as for the iret hypercall.
    ".text",
    ".balign 16",
    "failsafe_handler:",
    "mov [rip + {stack}], rsp",
    "push rax",
    "push rbx",
    "lea rbx, [rip + {frame}]",
    ".set word, 0",
    ".rept 11",
    "mov rax, [rsp + 16 + 8 * word]",
    "mov [rbx + 8 * word], rax",
    ".set word, word + 1",
    ".endr",
    "inc qword ptr [rip + {count}]",
    "pop rbx",
    "pop rax",
    "pop rcx",
    "pop r11",
    "add rsp, 32",
    "push 0",
    "push rcx",
    "push r11",
    "push rax",
    "mov eax, 23",
    "syscall",
    count = sym COUNT,
    frame = sym FRAME,
    stack = sym HANDLER_STACK,
);

unsafe extern "C" {
    fn failsafe_handler();
}

fn frame(word: usize) -> u64 {
    FRAME[word].load(Ordering::Relaxed)
}

fn data_selector() -> u16 {
    let selector: u16;
    // SAFETY: reading a register changes nothing.
    unsafe { asm!("mov {:x}, ds", out(reg) selector) };
    selector
}

async fn run(report: &mut Report) {
    if minios::is_initial_domain() {
        return report.skip("nobody else runs beside the first domain");
    }
    let Ok(page) = SharedPages::alloc(1) else { return report.error("memory", "none") };
    page.write_value(0, &DATA);
    let address = page.address() as u64;
    let entry = page.mfn(0).get() << 12 | READ_ONLY;
    let remap = call(Hypercall::UpdateVaMapping, [address, entry, UVMF_INVLPG, 0, 0]);
    report.expect("a read-only page", remap, 0);
    report.expect("set_ldt", set_ldt(address, 1), 0);
    let handler: unsafe extern "C" fn() = failsafe_handler;
    let callback = CallbackRegister {
        kind: CallbackType::Failsafe.raw(),
        address: handler as *const () as u64,
        ..CallbackRegister::default()
    };
    let command = u64::from(CallbackOp::Register.raw());
    report.expect("callback_op", call2(Hypercall::CallbackOp, command, at(&callback)), 0);
    // SAFETY: in 64-bit mode nothing depends on ds.
    unsafe { asm!("mov ds, {:x}", in(reg) SELECTOR) };
    let_others_run().await;
    report.expect(
        "a good selector stays",
        (data_selector(), COUNT.load(Ordering::Relaxed)),
        (7, 0),
    );
    report.expect("no LDT", set_ldt(0, 0), 0);
    let_others_run().await;
    report.expect("failsafe callbacks", COUNT.load(Ordering::Relaxed), 1);
    report.expect("ds is null", data_selector(), 0);
    report.expect("ds in the frame", frame(2) & 0xffff, SELECTOR.into());
    report.expect("es, fs, gs in the frame", [3, 4, 5].map(|word| frame(word) & 0xffff), [0; 3]);
    report.expect("cs", frame(7) & 0xffff, 0xe030);
    report.expect("saved upcall mask is 0 or 1", frame(7) >> 33, 0);
    report.expect("ss", frame(10) & 0xffff, 0xe02b);
    let below = frame(9).wrapping_sub(HANDLER_STACK.load(Ordering::Relaxed));
    report.check("the frame is right below the stack", (88..88 + 16).contains(&below));
}

fn set_ldt(base: u64, entries: u64) -> i64 {
    let op =
        MmuextOp { cmd: MmuextCmd::SetLdt.raw(), arg1: base, arg2: entries, ..MmuextOp::default() };
    call(Hypercall::MmuextOp, [at(&op), 1, 0, 0x7ff0, 0])
}

/// The answer to a question comes from another domain, which has to run for it.
async fn let_others_run() {
    let _ = minios::xenstore::read("domid").await;
}
