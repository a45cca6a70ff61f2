// SPDX-License-Identifier: MIT OR Apache-2.0
//! A multicall whose first call is `iret`: what follows it is not executed, since it would be with
//! the registers, and perhaps in the mode, that the first one has set (XSA-213, CVE-2017-8903).
#![no_std]
#![no_main]

use test_guests::hypercall::at_mut;
use test_guests::iret;
use test_report::Report;
use xen_abi::hypercall::Hypercall;
use xen_abi::multicall::MulticallEntry;

test_report::guest!(run, only_pv = "a PVH guest has no iret hypercall");

async fn run(report: &mut Report) {
    const UNTOUCHED: i64 = 0x55;
    let entry = |call: Hypercall| MulticallEntry {
        op: call.raw(),
        result: UNTOUCHED,
        ..MulticallEntry::default()
    };
    let mut entries = [entry(Hypercall::Iret), entry(Hypercall::XenVersion)];
    let rax = iret::by(Hypercall::Multicall, [at_mut(&mut entries), 2]);
    report.expect("back by iret", rax, iret::RAX);
    report.expect("the second call", entries[1].result, UNTOUCHED);
}
