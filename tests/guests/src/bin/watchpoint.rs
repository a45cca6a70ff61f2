// SPDX-License-Identifier: MIT OR Apache-2.0
//! A breakpoint on data that the hypervisor touches on the guest's behalf is the guest's affair
//! only where the guest itself touches it.
#![no_std]
#![no_main]

use test_guests::hypercall::{at, at_mut, call2};
use test_guests::traps;
use test_report::Report;
use xen_abi::hypercall::Hypercall;
use xen_abi::trap::{TrapFlags, VECTOR_DB};
use xen_abi::version::XenVersionOp;

test_report::guest!(run, only_pv = "a PVH guest has the debug registers itself");

/// Breakpoint 0, local, on reads and writes of 8 bytes.
const ON_ACCESS_OF_8: u64 = 1 | 3 << 16 | 2 << 18;

fn set(register: u64, value: u64) -> i64 {
    call2(Hypercall::SetDebugreg, register, value)
}

async fn run(report: &mut Report) {
    traps::record(VECTOR_DB, TrapFlags::empty());
    let mut text = [0_u64; 2];
    report.expect("address", set(0, at(&text)), 0);
    report.expect("control", set(7, ON_ACCESS_OF_8), 0);
    let op = u64::from(XenVersionOp::Extraversion.raw());
    let pointer = at_mut(&mut text);
    for _ in 0..3 {
        report.expect(
            "a hypercall that writes there",
            call2(Hypercall::XenVersion, op, pointer),
            0,
        );
    }
    report.expect("no #DB of the hypervisor's", traps::count(), 0);
    // SAFETY: the word is ours.
    let first = unsafe { core::hint::black_box(&raw const text[0]).read_volatile() };
    report.check("it was written", first != 0);
    report.check("own #DB", traps::count() >= 1);
    report.expect("control off", set(7, 0), 0);
    let reasons = call2(Hypercall::GetDebugreg, 6, 0);
    report.expect("reasons", reasons & 0xf, 1);
}
