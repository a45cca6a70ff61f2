// SPDX-License-Identifier: MIT OR Apache-2.0
//! `set_segment_base`, `stack_switch`, `set_debugreg`, `get_debugreg`, `vm_assist`: good and bad.
#![no_std]
#![no_main]

use test_guests::hypercall::{call1, call2};
use test_guests::minus;
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::trap::{FLAT_KERNEL_SS, SegmentBase};

test_report::guest!(run, only_pv = "a PVH guest sets its registers itself");

const NON_CANONICAL: u64 = 1 << 63;

async fn run(report: &mut Report) {
    segment_bases(report);
    debug_registers(report);
    assists(report);
    let stack = call2(Hypercall::StackSwitch, u64::from(FLAT_KERNEL_SS), 0x1000);
    report.expect("stack_switch", stack, 0);
    // Told afterwards: with TS set nothing may be printed, as that may take vector registers.
    for result in [1, 0, 0].map(|on| call1(Hypercall::FpuTaskswitch, on)) {
        report.expect("fpu_taskswitch", result, 0);
    }
}

fn segment_bases(report: &mut Report) {
    let set = |which: u64, base| call2(Hypercall::SetSegmentBase, which, base);
    for which in [SegmentBase::Fs, SegmentBase::GsUser, SegmentBase::GsKernel] {
        let name = alloc::format!("{which:?}");
        let which = u64::from(which.raw());
        report.expect(&name, set(which, 0x1234_5000), 0);
        report.expect(&name, set(which, NON_CANONICAL), minus(Errno::Einval));
        report.expect(&name, set(which, 0), 0);
    }
    report.expect("no such base", set(9, 0), minus(Errno::Einval));
    fs_is_used(report);
}

/// The base of fs takes effect at once.
fn fs_is_used(report: &mut Report) {
    let value = 0x5511_2233_4455_6677u64;
    let address = core::ptr::from_ref(&value).expose_provenance() as u64;
    call2(Hypercall::SetSegmentBase, u64::from(SegmentBase::Fs.raw()), address);
    let read: u64;
    // SAFETY: fs points at `value`.
    unsafe { core::arch::asm!("mov {}, fs:[0]", out(reg) read) };
    report.expect("read through fs", read, value);
    call2(Hypercall::SetSegmentBase, u64::from(SegmentBase::Fs.raw()), 0);
}

fn debug_registers(report: &mut Report) {
    let set = |register: u64, value| call2(Hypercall::SetDebugreg, register, value);
    let get = |register: u64| call1(Hypercall::GetDebugreg, register);
    report.expect("set DR0", set(0, 0x1000), 0);
    report.expect("get DR0", get(0), 0x1000);
    report.expect("set DR0 to Xen's range", set(0, 0xffff_8200_0000_0000), minus(Errno::Eperm));
    report.expect("set DR0 back", set(0, 0), 0);
    report.expect("get DR6", get(6), 0xffff_0ff0);
    report.expect("get DR7", get(7), 0x400);
    report.expect("get DR9", get(9), minus(Errno::Enodev));
    report.expect("set DR9", set(9, 0), minus(Errno::Enodev));
    report.expect("set DR4", set(4, 0), 0);
}

fn assists(report: &mut Report) {
    let assist = |cmd: u64, kind: u64| call2(Hypercall::VmAssist, cmd, kind);
    for kind in [0, 1, 2, 3, 4, 5, 32] {
        report.expect(&alloc::format!("enable assist {kind}"), assist(0, kind), 0);
        report.expect(&alloc::format!("disable assist {kind}"), assist(1, kind), 0);
    }
    for kind in [6, 33, 64, u64::MAX] {
        report.expect(&alloc::format!("assist {kind:#x}"), assist(0, kind), minus(Errno::Einval));
    }
    report.expect("no such command", assist(7, 0), minus(Errno::Enosys));
}

extern crate alloc;
