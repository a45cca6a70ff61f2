// SPDX-License-Identifier: MIT OR Apache-2.0
//! `nmi_op` and NMIs that a guest sends itself: one reaches the handler, with events masked; the
//! next one waits until the handler has ended by the iret hypercall.
#![no_std]
#![no_main]

use core::arch::global_asm;
use core::sync::atomic::{AtomicU64, Ordering};

use test_guests::hypercall::{at, call2, call3};
use test_guests::{iret, minus, refuses_bad_pointers, traps};
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::nmi::{NmiCallback, NmiOp};
use xen_abi::trap::{CallbackOp, CallbackRegister, CallbackType, TrapFlags, VECTOR_NMI};
use xen_abi::vcpu::VcpuOp;

test_report::guest!(run, only_pv = "a PVH guest registers no NMI handler");

static COUNT: AtomicU64 = AtomicU64::new(0);
static DEPTH: AtomicU64 = AtomicU64::new(0);
static DEEPEST: AtomicU64 = AtomicU64::new(0);

global_asm!(
    // The handler: the first time it sends another NMI. It ends by the iret hypercall.
    ".text",
    ".balign 16",
    "nmi_handler:",
    "push rax",
    "push rsi",
    "push rdi",
    "push rdx",
    "inc qword ptr [rip + {depth}]",
    "mov rax, [rip + {depth}]",
    "cmp rax, [rip + {deepest}]",
    "jbe 1f",
    "mov [rip + {deepest}], rax",
    "1: inc qword ptr [rip + {count}]",
    "cmp qword ptr [rip + {count}], 1",
    "jne 2f",
    "mov eax, 24",
    "mov edi, 11",
    "xor esi, esi",
    "xor edx, edx",
    "syscall",
    "2: dec qword ptr [rip + {depth}]",
    "pop rdx",
    "pop rdi",
    "pop rsi",
    "pop rax",
    "pop rcx",
    "pop r11",
    "push 0",
    "push rcx",
    "push r11",
    "push rax",
    "mov eax, 23",
    "syscall",
    count = sym COUNT,
    depth = sym DEPTH,
    deepest = sym DEEPEST,
);

unsafe extern "C" {
    fn nmi_handler();
}

fn nmi_op(op: NmiOp, argument: u64) -> i64 {
    call2(Hypercall::NmiOp, u64::from(op.raw()), argument)
}

fn register(handler_address: u64) -> i64 {
    nmi_op(NmiOp::RegisterCallback, at(&NmiCallback { handler_address, ..NmiCallback::default() }))
}

fn send(argument: u64) -> i64 {
    call3(Hypercall::VcpuOp, u64::from(VcpuOp::SendNmi.raw()), 0, argument)
}

async fn run(report: &mut Report) {
    let handler: unsafe extern "C" fn() = nmi_handler;
    let handler = handler as *const () as u64;
    report.expect("not canonical", register(1 << 63), minus(Errno::Einval));
    report.expect("no such operation", call2(Hypercall::NmiOp, 2, 0), minus(Errno::Enosys));
    refuses_bad_pointers(report, "nmi_op", |pointer| nmi_op(NmiOp::RegisterCallback, pointer));
    report.expect("unregister nothing", nmi_op(NmiOp::UnregisterCallback, 0), 0);
    report.expect("nobody takes it", send(0), 0);
    report.expect("send_nmi with an argument", send(8), minus(Errno::Einval));
    report.expect("register", register(handler), 0);
    report.expect("nothing came yet", COUNT.load(Ordering::Relaxed), 0);
    report.expect("send_nmi", send(0), 0);
    report.expect("two have come", COUNT.load(Ordering::Relaxed), 2);
    report.expect("one after the other", DEEPEST.load(Ordering::Relaxed), 1);
    report.expect("unregister", nmi_op(NmiOp::UnregisterCallback, 0), 0);
    report.expect("nobody takes it any more", send(0), 0);
    report.expect("still two", COUNT.load(Ordering::Relaxed), 2);
    by_callback(report, handler);
    until_iret(report);
}

/// `callback_op` registers the same handler.
fn by_callback(report: &mut Report, address: u64) {
    let kind = CallbackType::Nmi.raw();
    let callback = CallbackRegister { kind, address, ..CallbackRegister::default() };
    let command = u64::from(CallbackOp::Register.raw());
    report.expect("callback_op", call2(Hypercall::CallbackOp, command, at(&callback)), 0);
    report.expect("send_nmi, callback", send(0), 0);
    report.expect("a third one", COUNT.load(Ordering::Relaxed), 3);
}

/// A handler of the trap table is the same one too; when it ends by `iretq`, the next NMI waits.
fn until_iret(report: &mut Report) {
    traps::record(VECTOR_NMI, TrapFlags::empty());
    report.expect("send_nmi, trap table", send(0), 0);
    report.expect("taken", traps::count(), 1);
    report.expect("saved upcall mask", traps::last(VECTOR_NMI).cs >> 32, 1);
    report.expect("one more", send(0), 0);
    report.expect("it waits", traps::count(), 1);
    iret::by(Hypercall::Iret, [0; 2]);
    report.expect("until the iret hypercall", traps::count(), 2);
    // The recording handler has ended by iretq once more.
    iret::by(Hypercall::Iret, [0; 2]);
}
