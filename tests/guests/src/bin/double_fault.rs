// SPDX-License-Identifier: MIT OR Apache-2.0
//! No test of its own: as first domain it makes a hypervisor with assertions run out of stack, and
//! somebody else looks at the report.
#![no_std]
#![no_main]

use test_guests::hypercall::call1;
use test_report::Report;
use xen_abi::hypercall::Hypercall;

test_report::guest!(run);

async fn run(report: &mut Report) {
    report.error("there is no end", call1(Hypercall::Audit, 1));
}
