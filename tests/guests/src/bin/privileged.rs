// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only the first domain may do is refused to others: domctl, sysctl, physdev, platform.
#![no_std]
#![no_main]

use test_guests::hypercall::{at_mut, call1, call2};
use test_guests::{minus, pv_or_pvh, refuses_bad_pointers};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::domctl::{Domctl, DomctlCmd};
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::physdev::{PhysdevOp, SetIopl};
use xen_abi::platform::INTERFACE_VERSION;
use xen_abi::sysctl::{Sysctl, SysctlCmd};

test_report::guest!(run);

async fn run(report: &mut Report) {
    if minios::is_initial_domain() {
        return report.skip("the first domain may do all this");
    }
    for cmd in [
        DomctlCmd::CreateDomain,
        DomctlCmd::DestroyDomain,
        DomctlCmd::PauseDomain,
        DomctlCmd::UnpauseDomain,
        DomctlCmd::GetDomainInfo,
        DomctlCmd::MaxMem,
    ] {
        let mut call = Domctl::new(cmd, DomId::new(0));
        let result = call1(Hypercall::Domctl, at_mut(&mut call));
        report.expect(&alloc::format!("{cmd:?}"), result, minus(Errno::Eperm));
    }
    for cmd in [SysctlCmd::PhysInfo, SysctlCmd::GetDomainInfoList, SysctlCmd::ReadConsole] {
        let mut call = Sysctl::new(cmd);
        let result = call1(Hypercall::Sysctl, at_mut(&mut call));
        report.expect(&alloc::format!("{cmd:?}"), result, minus(Errno::Eperm));
    }
    let mut iopl = SetIopl { iopl: 9 };
    let set_iopl = u64::from(PhysdevOp::SetIopl.raw());
    let result = call2(Hypercall::PhysdevOp, set_iopl, at_mut(&mut iopl));
    report.expect("set_iopl 9", result, minus(pv_or_pvh(Errno::Einval, Errno::Enosys)));
    for (version, refusal) in [(INTERFACE_VERSION, Errno::Eperm), (0, Errno::Eacces)] {
        // As long as the longest operation.
        let mut call = [0u32; 64];
        call[1] = version;
        let result = call1(Hypercall::PlatformOp, at_mut(&mut call));
        report.expect("platform_op", result, minus(refusal));
    }
    refuses_bad_pointers(report, "platform_op", |address| call1(Hypercall::PlatformOp, address));
}

extern crate alloc;
