// SPDX-License-Identifier: MIT OR Apache-2.0
//! `domctl` and `sysctl` from the first domain: a domain's life without a guest in it, and every
//! class of wrong argument.
#![no_std]
#![no_main]

use test_guests::hypercall::{at_mut, call1};
use test_guests::{minus, new_domain, refuses_bad_pointers};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::domctl::{
    CDF_HAP, CreateDomain, DomainInfo, Domctl, DomctlCmd, MaxMem, MaxVcpus, VcpuContext,
};
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::sysctl::{AvailHeap, GetDomainInfoList, PhysInfo, ReadConsole, Sysctl, SysctlCmd};

test_report::guest!(run);

/// A number that no domain has.
const NOBODY: DomId = DomId::new(700);

async fn run(report: &mut Report) {
    if !minios::is_initial_domain() {
        return report.skip("only the first domain may do this");
    }
    wrong_domctls(report);
    wrong_configs(report);
    life_of_a_domain(report);
    sysctls(report);
}

fn domctl(call: &mut Domctl) -> i64 {
    call1(Hypercall::Domctl, at_mut(call))
}

fn plain(cmd: DomctlCmd, domain: DomId) -> i64 {
    domctl(&mut Domctl::new(cmd, domain))
}

fn wrong_domctls(report: &mut Report) {
    refuses_bad_pointers(report, "domctl", |pointer| call1(Hypercall::Domctl, pointer));
    refuses_bad_pointers(report, "sysctl", |pointer| call1(Hypercall::Sysctl, pointer));
    let mut call = Domctl::new(DomctlCmd::PauseDomain, NOBODY);
    call.header.interface_version += 1;
    report.expect("another version", domctl(&mut call), minus(Errno::Eacces));
    for cmd in [
        DomctlCmd::DestroyDomain,
        DomctlCmd::PauseDomain,
        DomctlCmd::UnpauseDomain,
        DomctlCmd::GetDomainInfo,
        DomctlCmd::MaxMem,
        DomctlCmd::MaxVcpus,
        DomctlCmd::SetVcpuContext,
        DomctlCmd::GetVcpuInfo,
        DomctlCmd::SchedulerOp,
        DomctlCmd::ResumeDomain,
    ] {
        let name = alloc::format!("{cmd:?}, nobody");
        report.expect(&name, plain(cmd, NOBODY), minus(Errno::Esrch));
    }
    for cmd in [
        DomctlCmd::DestroyDomain,
        DomctlCmd::PauseDomain,
        DomctlCmd::MaxVcpus,
        DomctlCmd::SetVcpuContext,
        DomctlCmd::UnpauseDomain,
    ] {
        let name = alloc::format!("{cmd:?}, oneself");
        report.expect(&name, plain(cmd, DomId::DOM0), minus(Errno::Einval));
    }
}

fn create(domain: DomId, config: &CreateDomain) -> (i64, DomId) {
    let mut call = Domctl::new(DomctlCmd::CreateDomain, domain);
    let _ = call.set_payload(config);
    (domctl(&mut call), call.header.domain)
}

fn wrong_configs(report: &mut Report) {
    let wrong = [
        ("no vCPU", CreateDomain { max_vcpus: 0, ..new_domain::pv() }),
        ("a million vCPUs", CreateDomain { max_vcpus: 1 << 20, ..new_domain::pv() }),
        ("unknown flags", CreateDomain { flags: 1 << 31, ..new_domain::pv() }),
        ("nested paging for PV", CreateDomain { flags: CDF_HAP, ..new_domain::pv() }),
        ("no grant frame", CreateDomain { max_grant_frames: 0, ..new_domain::pv() }),
    ];
    for (name, config) in wrong {
        report.expect(name, create(DomId::new(5), &config).0, minus(Errno::Einval));
    }
    let taken = create(DomId::DOM0, &new_domain::pv());
    report.expect("create, any number", taken.0, 0);
    report.expect(
        "create, the same number",
        create(taken.1, &new_domain::pv()).0,
        minus(Errno::Eexist),
    );
    report.expect("destroy", plain(DomctlCmd::DestroyDomain, taken.1), 0);
}

fn info(domain: DomId) -> (i64, DomainInfo) {
    let mut call = Domctl::new(DomctlCmd::GetDomainInfo, domain);
    let result = domctl(&mut call);
    (result, call.payload().unwrap_or_default())
}

fn life_of_a_domain(report: &mut Report) {
    let wanted = DomId::new(9);
    report.expect("create 9", create(wanted, &new_domain::pv()), (0, wanted));
    let (result, fresh) = info(wanted);
    report.expect("getdomaininfo", result, 0);
    report.expect("its number", fresh.domain, wanted);
    report.row("flags of a new domain", fresh.flags);
    report.expect("its pages", fresh.tot_pages, 0);
    report.expect("the next one from 1 on", info(DomId::new(1)).1.domain, wanted);
    for (max, result) in [(2, minus(Errno::Einval)), (1, 0)] {
        let mut call = Domctl::new(DomctlCmd::MaxVcpus, wanted);
        let _ = call.set_payload(&MaxVcpus { max });
        report.expect(&alloc::format!("max_vcpus {max}"), domctl(&mut call), result);
    }
    let mut call = Domctl::new(DomctlCmd::MaxMem, wanted);
    let _ = call.set_payload(&MaxMem { max_memkb: 1024 });
    report.expect("max_mem", domctl(&mut call), 0);
    report.expect("its most pages", info(wanted).1.max_pages, 256);
    context(report, wanted);
    for (name, cmd, result) in [
        ("pause", DomctlCmd::PauseDomain, 0),
        ("unpause", DomctlCmd::UnpauseDomain, 0),
        ("pause again", DomctlCmd::PauseDomain, 0),
        ("destroy 9", DomctlCmd::DestroyDomain, 0),
        ("it is gone", DomctlCmd::PauseDomain, minus(Errno::Esrch)),
    ] {
        report.expect(name, plain(cmd, wanted), result);
    }
}

/// Without memory no context can be right.
fn context(report: &mut Report, domain: DomId) {
    for (name, vcpu, ctxt) in [
        ("setvcpucontext, bad pointer", 0, 8),
        ("setvcpucontext, no such vCPU", 1, 8),
        ("setvcpucontext, a wild vCPU", u32::MAX, 8),
    ] {
        let mut call = Domctl::new(DomctlCmd::SetVcpuContext, domain);
        let _ = call.set_payload(&VcpuContext { vcpu, ctxt, ..Default::default() });
        report.row(name, domctl(&mut call));
    }
    let mut context = alloc::boxed::Box::new(xen_abi::vcpu::VcpuGuestContext::default());
    for (name, cr3) in [("no root", 0), ("a root of others", 1 << 12)] {
        context.ctrlreg[3] = cr3;
        let ctxt = at_mut(&mut *context);
        let mut call = Domctl::new(DomctlCmd::SetVcpuContext, domain);
        let _ = call.set_payload(&VcpuContext { vcpu: 0, ctxt, ..Default::default() });
        report.expect(name, domctl(&mut call), minus(Errno::Einval));
    }
    context.user_regs.rip = 1 << 47;
    let ctxt = at_mut(&mut *context);
    let mut call = Domctl::new(DomctlCmd::SetVcpuContext, domain);
    let _ = call.set_payload(&VcpuContext { vcpu: 0, ctxt, ..Default::default() });
    report.expect("rip is not canonical", domctl(&mut call), minus(Errno::Einval));
}

fn sysctl(call: &mut Sysctl) -> i64 {
    call1(Hypercall::Sysctl, at_mut(call))
}

fn sysctls(report: &mut Report) {
    let mut call = Sysctl::new(SysctlCmd::PhysInfo);
    report.expect("physinfo", sysctl(&mut call), 0);
    let physinfo: PhysInfo = call.payload().unwrap_or_default();
    report.expect("processors", physinfo.nr_cpus, 1);
    report.check("free pages", (1..physinfo.total_pages).contains(&physinfo.free_pages));
    call.header.interface_version += 1;
    report.expect("sysctl, another version", sysctl(&mut call), minus(Errno::Eacces));
    let mut call = Sysctl::new(SysctlCmd::AvailHeap);
    let _ = call.set_payload(&AvailHeap { node: -1, ..Default::default() });
    report.expect("availheap", sysctl(&mut call), 0);
    let mut list = [DomainInfo::default(); 4];
    for (name, buffer, result) in [
        ("getdomaininfolist", at_mut(&mut list), 0),
        ("getdomaininfolist, bad pointer", 8, minus(Errno::Efault)),
    ] {
        let mut call = Sysctl::new(SysctlCmd::GetDomainInfoList);
        let _ =
            call.set_payload(&GetDomainInfoList { max_domains: 4, buffer, ..Default::default() });
        report.expect(name, sysctl(&mut call), result);
        let answer: GetDomainInfoList = call.payload().unwrap_or_default();
        report.row(&alloc::format!("{name}: number"), answer.num_domains);
    }
    report.expect("the first in the list", list[0].domain, DomId::DOM0);
    let mut text = [0_u8; 64];
    let mut call = Sysctl::new(SysctlCmd::ReadConsole);
    let _ = call.set_payload(&ReadConsole {
        buffer: at_mut(&mut text),
        count: 64,
        ..Default::default()
    });
    report.expect("readconsole", sysctl(&mut call), 0);
    let answer: ReadConsole = call.payload().unwrap_or_default();
    report.expect("readconsole: bytes", answer.count, 64);
}

extern crate alloc;
