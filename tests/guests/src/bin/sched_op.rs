// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sched_op`: what does not end the domain, and its wrong arguments. Sleeping is tested in
//! `block_poll`.
#![no_std]
#![no_main]

use test_guests::hypercall::{at, call2};
use test_guests::{minus, pv_or_pvh, refuses_bad_pointers};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::sched::{RemoteShutdown, SchedOp, SchedWatchdog};

test_report::guest!(run);

fn op(op: SchedOp, argument: u64) -> i64 {
    call2(Hypercall::SchedOp, u64::from(op.raw()), argument)
}

async fn run(report: &mut Report) {
    report.expect("yield", op(SchedOp::Yield, 0), 0);
    let old = call2(Hypercall::SchedOpCompat, 0, 0);
    report.expect("old yield", old, pv_or_pvh(0, minus(Errno::Enosys)));
    report.expect("unknown", call2(Hypercall::SchedOp, 99, 0), minus(Errno::Enosys));
    report.expect("unknown, old", call2(Hypercall::SchedOpCompat, 3, 0), minus(Errno::Enosys));
    for cmd in [SchedOp::Shutdown, SchedOp::Poll, SchedOp::RemoteShutdown, SchedOp::Watchdog] {
        refuses_bad_pointers(report, &alloc::format!("{cmd:?}"), |pointer| op(cmd, pointer));
    }
    let nobody = RemoteShutdown { domain_id: DomId::new(700), _pad: 0, reason: 3 };
    report.expect(
        "remote_shutdown of nobody",
        op(SchedOp::RemoteShutdown, at(&nobody)),
        minus(Errno::Esrch),
    );
    watchdogs(report);
}

fn watchdogs(report: &mut Report) {
    let set = |id, timeout| op(SchedOp::Watchdog, at(&SchedWatchdog { id, timeout }));
    report.expect("one", set(0, 1000), 1);
    report.expect("another", set(0, 1000), 2);
    // ENOSPC, but as a positive number of 32 bits.
    report.expect("no more", set(0, 1000), 0xffff_ffe4);
    report.expect("renew", set(1, 1000), 0);
    report.expect("a wild one", set(3, 1000), minus(Errno::Einval));
    report.expect("stop one", set(1, 0), 0);
    report.expect("stop it twice", set(1, 0), minus(Errno::Einval));
    report.expect("stop the other", set(2, 0), 0);
}

extern crate alloc;
