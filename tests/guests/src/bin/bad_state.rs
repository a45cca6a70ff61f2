// SPDX-License-Identifier: MIT OR Apache-2.0
//! A vCPU of a PVH domain begins in a state in which no processor can be: long mode with virtual-8086
//! mode, and page tables behind all memory. The domain ends with a report of what the processor said.
#![no_std]
#![no_main]

use test_guests::hypercall::at;
use test_guests::interrupts::{take_over, wait_until};
use test_guests::second_vcpu::{context_64, long, op};
use test_report::Report;
use xen_abi::hvm_vcpu::VcpuHvm64;
use xen_abi::vcpu::VcpuOp;

test_report::guest!(run, only_pvh = "a PV guest's registers are checked one by one");

async fn run(report: &mut Report) {
    const VIRTUAL_8086: u64 = 1 << 17;
    const NOWHERE: u64 = 1 << 51;
    let good = long();
    let context = context_64(&VcpuHvm64 {
        rflags: good.rflags | VIRTUAL_8086,
        cr3: good.cr3 | NOWHERE,
        ..good
    });
    report.expect("take over", take_over(), true);
    report.expect("initialise", op(VcpuOp::Initialise, at(&context)), 0);
    report.expect("up", op(VcpuOp::Up, 0), 0);
    report.expect("the domain goes on", wait_until(|| false), true);
}
