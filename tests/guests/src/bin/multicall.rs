// SPDX-License-Identifier: MIT OR Apache-2.0
//! `multicall`: each entry has its result, errors do not stop it, nesting is refused.
#![no_std]
#![no_main]

use test_guests::hypercall::{at_mut, call2};
use test_guests::{minus, refuses_bad_pointers};
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::multicall::MulticallEntry;
use xen_abi::version::XenVersionOp;

test_report::guest!(run);

fn entry(op: u64, first: u64) -> MulticallEntry {
    MulticallEntry { op, result: 0x55, args: [first, 0, 0, 0, 0, 0] }
}

async fn run(report: &mut Report) {
    let version = Hypercall::XenVersion.raw();
    let page_size = u64::from(XenVersionOp::Pagesize.raw());
    let mut calls = [
        entry(version, page_size),
        entry(63, 0),
        entry(Hypercall::Multicall.raw(), 0),
        entry(version, 99),
        entry(version, page_size),
    ];
    let count = calls.len() as u64;
    report.expect("multicall", call2(Hypercall::Multicall, at_mut(&mut calls), count), 0);
    let want = [4096, minus(Errno::Enosys), minus(Errno::Einval), minus(Errno::Enosys), 4096];
    for (at, (call, want)) in calls.iter().zip(want).enumerate() {
        report.expect(&alloc::format!("result {at}"), call.result, want);
    }
    report.expect("none", call2(Hypercall::Multicall, at_mut(&mut calls), 0), 0);
    refuses_bad_pointers(report, "multicall", |address| call2(Hypercall::Multicall, address, 1));
    many(report);
}

/// So many that the hypervisor has to let others run in between.
fn many(report: &mut Report) {
    let page_size = u64::from(XenVersionOp::Pagesize.raw());
    let mut calls = alloc::vec![entry(Hypercall::XenVersion.raw(), page_size); 2000];
    let count = calls.len() as u64;
    let result = call2(Hypercall::Multicall, at_mut(calls.as_mut_slice()), count);
    report.expect("2000 calls", result, 0);
    report.check("each has its result", calls.iter().all(|call| call.result == 4096));
}

extern crate alloc;
