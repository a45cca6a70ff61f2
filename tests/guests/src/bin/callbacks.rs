// SPDX-License-Identifier: MIT OR Apache-2.0
//! `callback_op` and `set_callbacks`: good and bad addresses, unknown types.
#![no_std]
#![no_main]

use test_guests::hypercall::{at, call2};
use test_guests::{minus, refuses_bad_pointers};
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::trap::{CallbackOp, CallbackRegister, CallbackType, CallbackUnregister};

test_report::guest!(run, only_pv = "a PVH guest registers no callbacks");

fn register(kind: u16, address: u64) -> i64 {
    let arg = CallbackRegister { kind, address, ..Default::default() };
    call2(Hypercall::CallbackOp, u64::from(CallbackOp::Register.raw()), at(&arg))
}

fn unregister(kind: u16) -> i64 {
    let arg = CallbackUnregister { kind, ..Default::default() };
    call2(Hypercall::CallbackOp, u64::from(CallbackOp::Unregister.raw()), at(&arg))
}

/// Types that minios does not use itself.
const SPARE: [CallbackType; 5] = [
    CallbackType::Failsafe,
    CallbackType::Syscall,
    CallbackType::Nmi,
    CallbackType::Sysenter,
    CallbackType::Syscall32,
];

async fn run(report: &mut Report) {
    for kind in SPARE {
        let name = alloc::format!("{kind:?}");
        report.expect(&name, register(kind.raw(), 0x1000), 0);
        report.expect(&name, register(kind.raw(), 1 << 63), minus(Errno::Einval));
    }
    report.expect("no such type", register(77, 0x1000), minus(Errno::Enosys));
    report.expect("unregister nmi", unregister(CallbackType::Nmi.raw()), 0);
    let event = unregister(CallbackType::Syscall.raw());
    report.expect("unregister syscall", event, minus(Errno::Einval));
    report.expect("unregister, no such type", unregister(77), minus(Errno::Enosys));
    report.expect("no such command", call2(Hypercall::CallbackOp, 9, 0), minus(Errno::Enosys));
    refuses_bad_pointers(report, "callback_op", |address| {
        call2(Hypercall::CallbackOp, u64::from(CallbackOp::Register.raw()), address)
    });
}

extern crate alloc;
