// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vcpu_op`: what a domain with one vCPU may ask, and every class of wrong argument.
#![no_std]
#![no_main]

use test_guests::hypercall::{at, at_mut, call3};
use test_guests::minus;
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::vcpu::{RegisterVcpuInfo, RunstateInfo, SetPeriodicTimer, VcpuOp};

test_report::guest!(run);

fn op(op: VcpuOp, vcpu: u64, arg: u64) -> i64 {
    call3(Hypercall::VcpuOp, u64::from(op.raw()), vcpu, arg)
}

async fn run(report: &mut Report) {
    report.expect("is_up", op(VcpuOp::IsUp, 0, 0), 1);
    report.expect("is_up, no such vCPU", op(VcpuOp::IsUp, 1, 0), minus(Errno::Enoent));
    report.expect("is_up, a wild number", op(VcpuOp::IsUp, u64::MAX, 0), minus(Errno::Enoent));
    report.expect("up", op(VcpuOp::Up, 0, 0), 0);
    let fast = SetPeriodicTimer { period_ns: 1000 };
    let result = op(VcpuOp::SetPeriodicTimer, 0, at(&fast));
    report.expect("a period below 1 ms", result, minus(Errno::Einval));
    report.expect("stop_periodic_timer", op(VcpuOp::StopPeriodicTimer, 0, 0), 0);
    report.expect("unknown command", call3(Hypercall::VcpuOp, 99, 0, 0), minus(Errno::Enosys));
    runstate(report);
    vcpu_info(report);
}

fn runstate(report: &mut Report) {
    let mut info = RunstateInfo::default();
    report.expect("get_runstate_info", op(VcpuOp::GetRunstateInfo, 0, at_mut(&mut info)), 0);
    report.expect("running", info.state, 0);
    let total: u64 = info.time.iter().sum();
    report.check("times add up to less than now", total <= minios::time::system_time_ns());
    let bad = op(VcpuOp::GetRunstateInfo, 0, 8);
    report.expect("get_runstate_info, bad pointer", bad, minus(Errno::Efault));
}

/// Only wrong registrations: the right one can be made once, and minios may have made it.
fn vcpu_info(report: &mut Report) {
    let register = |mfn, offset| {
        let arg = RegisterVcpuInfo { mfn, offset, ..Default::default() };
        op(VcpuOp::RegisterVcpuInfo, 0, at(&arg))
    };
    for offset in [4095, 4033, 65536] {
        let name = alloc::format!("register_vcpu_info at {offset}");
        report.expect(&name, register(1, offset), minus(Errno::Enxio));
    }
    report.row("register_vcpu_info, misaligned", register(1, 3));
    report.expect("register_vcpu_info, no such frame", register(1 << 40, 0), minus(Errno::Einval));
}

extern crate alloc;
