// SPDX-License-Identifier: MIT OR Apache-2.0
//! Event channels of each kind, alone in one domain: states, errors, delivery into the bitmap.
#![no_std]
#![no_main]

use test_guests::hypercall::{at_mut, call2};
use test_guests::{minus, refuses_bad_pointers};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::event_channel::{
    AllocUnbound, BindInterdomain, BindIpi, BindVcpu, BindVirq, EventChannelOp, EvtchnPort,
    PortArg, PortState, PortStatus, Virq,
};
use xen_abi::hypercall::Hypercall;

test_report::guest!(run);

fn op<T>(op: EventChannelOp, arg: &mut T) -> i64 {
    call2(Hypercall::EventChannelOp, u64::from(op.raw()), at_mut(arg))
}

fn with_port(which: EventChannelOp, port: EvtchnPort) -> i64 {
    op(which, &mut PortArg { port })
}

async fn run(report: &mut Report) {
    interdomain(report);
    virq(report);
    ipi(report);
    bad_arguments(report);
}

fn state(port: EvtchnPort) -> u32 {
    let mut status = PortStatus { dom: DomId::SELF, port, ..Default::default() };
    match op(EventChannelOp::Status, &mut status) {
        0 => status.status,
        _ => u32::MAX,
    }
}

/// Both ends in this domain.
fn interdomain(report: &mut Report) {
    let mut unbound =
        AllocUnbound { dom: DomId::SELF, remote_dom: DomId::SELF, ..Default::default() };
    report.expect("alloc_unbound", op(EventChannelOp::AllocUnbound, &mut unbound), 0);
    let remote = unbound.port;
    report.expect("state", state(remote), PortState::Unbound.raw());
    report.expect("send on unbound", with_port(EventChannelOp::Send, remote), 0);
    let mut bind =
        BindInterdomain { remote_dom: DomId::SELF, remote_port: remote, ..Default::default() };
    report.expect("bind_interdomain", op(EventChannelOp::BindInterdomain, &mut bind), 0);
    let local = bind.local_port;
    report.expect("state when bound", state(local), PortState::Interdomain.raw());
    let again = op(EventChannelOp::BindInterdomain, &mut bind);
    report.expect("bind_interdomain of a bound port", again, minus(Errno::Einval));
    report.expect("send", with_port(EventChannelOp::Send, local), 0);
    report.expect("unmask", with_port(EventChannelOp::Unmask, remote), 0);
    let mut move_to = BindVcpu { port: local, vcpu: 0 };
    report.expect("bind_vcpu", op(EventChannelOp::BindVcpu, &mut move_to), 0);
    move_to.vcpu = 7;
    let absent = op(EventChannelOp::BindVcpu, &mut move_to);
    report.expect("bind_vcpu to an absent vCPU", absent, minus(Errno::Enoent));
    report.expect("close", with_port(EventChannelOp::Close, local), 0);
    report.expect("state of the peer", state(remote), PortState::Unbound.raw());
    report.expect("close of the peer", with_port(EventChannelOp::Close, remote), 0);
    let twice = with_port(EventChannelOp::Close, remote);
    report.expect("close of a free port", twice, minus(Errno::Einval));
}

fn bind_virq(virq: Virq, vcpu: u32) -> (i64, EvtchnPort) {
    let mut bind = BindVirq { virq, vcpu, ..Default::default() };
    (op(EventChannelOp::BindVirq, &mut bind), bind.port)
}

fn virq(report: &mut Report) {
    let (result, port) = bind_virq(Virq::DEBUG, 0);
    report.expect("bind_virq", result, 0);
    report.expect("state of a virq", state(port), PortState::Virq.raw());
    report.expect("bind_virq twice", bind_virq(Virq::DEBUG, 0).0, minus(Errno::Eexist));
    report.expect("bind_virq, no such virq", bind_virq(Virq::new(99), 0).0, minus(Errno::Einval));
    report.expect("bind_virq, no such vCPU", bind_virq(Virq::TIMER, 9).0, minus(Errno::Enoent));
    let send = with_port(EventChannelOp::Send, port);
    report.expect("send on a virq", send, minus(Errno::Einval));
    let mut to = BindVcpu { port, vcpu: 0 };
    let moved = op(EventChannelOp::BindVcpu, &mut to);
    report.expect("bind_vcpu of a virq of a vCPU", moved, minus(Errno::Einval));
    report.expect("close of a virq", with_port(EventChannelOp::Close, port), 0);
}

fn ipi(report: &mut Report) {
    let mut bind = BindIpi { vcpu: 0, ..Default::default() };
    report.expect("bind_ipi", op(EventChannelOp::BindIpi, &mut bind), 0);
    report.expect("state of an ipi", state(bind.port), PortState::Ipi.raw());
    report.expect("send on an ipi", with_port(EventChannelOp::Send, bind.port), 0);
    report.expect("close of an ipi", with_port(EventChannelOp::Close, bind.port), 0);
    bind.vcpu = 9;
    let absent = op(EventChannelOp::BindIpi, &mut bind);
    report.expect("bind_ipi, no such vCPU", absent, minus(Errno::Enoent));
}

fn bad_arguments(report: &mut Report) {
    for port in [0, 4095, 4096, u32::MAX] {
        let port = EvtchnPort::new(port);
        for which in [EventChannelOp::Send, EventChannelOp::Close, EventChannelOp::Unmask] {
            let name = alloc::format!("{which:?} {}", port.get());
            // Port 0 is valid to unmask, though it is never handed out.
            let fine = which == EventChannelOp::Unmask && port.get() == 0;
            let want = if fine { 0 } else { minus(Errno::Einval) };
            report.expect(&name, with_port(which, port), want);
        }
    }
    let mut unbound =
        AllocUnbound { dom: DomId::new(0x7000), remote_dom: DomId::SELF, ..Default::default() };
    let absent = op(EventChannelOp::AllocUnbound, &mut unbound);
    report.expect("alloc_unbound, no such domain", absent, minus(Errno::Esrch));
    let unknown = call2(Hypercall::EventChannelOp, 99, 0);
    report.expect("unknown operation", unknown, minus(Errno::Enosys));
    for which in [EventChannelOp::Send, EventChannelOp::AllocUnbound, EventChannelOp::Status] {
        let name = alloc::format!("{which:?}");
        refuses_bad_pointers(report, &name, |address| {
            call2(Hypercall::EventChannelOp, u64::from(which.raw()), address)
        });
    }
}

extern crate alloc;
