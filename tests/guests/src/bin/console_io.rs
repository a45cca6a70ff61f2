// SPDX-License-Identifier: MIT OR Apache-2.0
//! `console_io`: the first domain may write and read, others may not; bad buffers.
#![no_std]
#![no_main]

use test_guests::hypercall::{at, call3};
use test_guests::minus;
use test_report::Report;
use xen_abi::console::ConsoleIoOp;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;

test_report::guest!(run);

async fn run(report: &mut Report) {
    let write = u64::from(ConsoleIoOp::Write.raw());
    let text = b"";
    if !minios::is_initial_domain() {
        let refused = call3(Hypercall::ConsoleIo, write, 0, at(text));
        report.equal("console_io of another domain", refused, minus(Errno::Eperm));
        return;
    }
    report.expect("write of nothing", call3(Hypercall::ConsoleIo, write, 0, at(text)), 0);
    for (class, address) in test_guests::addresses::BAD {
        let result = call3(Hypercall::ConsoleIo, write, 16, address);
        report.expect(class, result, minus(Errno::Efault));
    }
    report.expect("unknown command", call3(Hypercall::ConsoleIo, 9, 0, 0), minus(Errno::Enosys));
}
