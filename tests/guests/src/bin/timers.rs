// SPDX-License-Identifier: MIT OR Apache-2.0
//! Time: it goes forward, timers fire not before their time and soon after it, many at once.
#![no_std]
#![no_main]

use minios::time::{Duration, Instant, Timer};
use test_guests::hypercall::{at, call1, call3};
use test_guests::minus;
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::vcpu::{SSHOTTMR_FUTURE, SetSingleshotTimer, VcpuOp};

test_report::guest!(run);

async fn run(report: &mut Report) {
    monotonic(report);
    for ms in [1, 10, 30] {
        let start = Instant::now();
        Timer::after(Duration::from_millis(ms)).await;
        report.check("a timer fires not before its time", start.elapsed().as_millis() >= ms);
    }
    many(report).await;
    bad_arguments(report);
}

fn monotonic(report: &mut Report) {
    let mut last = minios::time::system_time_ns();
    let mut forward = true;
    for _ in 0..10_000 {
        let now = minios::time::system_time_ns();
        forward &= now >= last;
        last = now;
    }
    report.check("system time never goes back", forward);
}

/// Timers that were set in another order fire in the order of their times.
async fn many(report: &mut Report) {
    let start = Instant::now();
    let tasks = [40u64, 10, 30, 20].map(|ms| {
        minios::task::spawn(async move {
            Timer::after(Duration::from_millis(ms)).await;
            start.elapsed().as_millis() >= ms
        })
    });
    for task in tasks {
        report.check("each task's timer", task.await);
    }
    report.check("all of them together", start.elapsed().as_millis() >= 40);
}

fn bad_arguments(report: &mut Report) {
    report.expect("set_timer_op(0)", call1(Hypercall::SetTimerOp, 0), 0);
    report.expect("set_timer_op in the past", call1(Hypercall::SetTimerOp, 1), 0);
    let shot = SetSingleshotTimer { timeout_abs_ns: 1, flags: 0, ..Default::default() };
    let set = u64::from(VcpuOp::SetSingleshotTimer.raw());
    report.expect("singleshot in the past", call3(Hypercall::VcpuOp, set, 0, at(&shot)), 0);
    let future = SetSingleshotTimer { flags: SSHOTTMR_FUTURE, ..shot };
    let result = call3(Hypercall::VcpuOp, set, 0, at(&future));
    report.row("singleshot in the past, future demanded", result);
    let absent = call3(Hypercall::VcpuOp, set, 9, at(&shot));
    report.expect("singleshot of an absent vCPU", absent, minus(Errno::Enoent));
    let stop = u64::from(VcpuOp::StopSingleshotTimer.raw());
    report.expect("stop_singleshot", call3(Hypercall::VcpuOp, stop, 0, 0), 0);
}
