// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sched_op`: poll with ports, with a timeout, with bad arguments; yield; unknown commands.
#![no_std]
#![no_main]

use test_guests::hypercall::{at, at_mut, call2};
use test_guests::{minus, refuses_bad_pointers};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::event_channel::{AllocUnbound, BindInterdomain, EventChannelOp, EvtchnPort, PortArg};
use xen_abi::hypercall::Hypercall;
use xen_abi::sched::{SchedOp, SchedPoll};

test_report::guest!(run);

fn poll(ports: &[u32], timeout: u64) -> i64 {
    let nr_ports = u32::try_from(ports.len()).unwrap_or(u32::MAX);
    let arg = SchedPoll { ports: at(ports), nr_ports, timeout, ..Default::default() };
    call2(Hypercall::SchedOp, u64::from(SchedOp::Poll.raw()), at(&arg))
}

fn event_channel<T>(op: EventChannelOp, arg: &mut T) -> i64 {
    call2(Hypercall::EventChannelOp, u64::from(op.raw()), at_mut(arg))
}

/// A port of ours whose other end is ours too.
fn pair(report: &mut Report) -> (EvtchnPort, EvtchnPort) {
    let mut unbound =
        AllocUnbound { dom: DomId::SELF, remote_dom: DomId::SELF, ..Default::default() };
    report.equal("alloc_unbound", event_channel(EventChannelOp::AllocUnbound, &mut unbound), 0);
    let mut bind = BindInterdomain {
        remote_dom: DomId::SELF,
        remote_port: unbound.port,
        ..Default::default()
    };
    report.equal("bind", event_channel(EventChannelOp::BindInterdomain, &mut bind), 0);
    (unbound.port, bind.local_port)
}

async fn run(report: &mut Report) {
    let (receiver, sender) = pair(report);
    let now = || minios::time::Instant::now();
    let deadline = |ms: u64| minios::time::system_time_ns() + ms * 1_000_000;

    let start = now();
    report.expect("poll that times out", poll(&[receiver.get()], deadline(20)), 0);
    let waited = start.elapsed().as_millis();
    report.check("it waited for its timeout", waited >= 19);

    event_channel(EventChannelOp::Send, &mut PortArg { port: sender });
    let start = now();
    report.expect("poll on a pending port", poll(&[receiver.get()], deadline(5000)), 0);
    report.check("it did not wait", start.elapsed().as_millis() < 2000);

    report.expect("poll on a bad port", poll(&[5000], 1), minus(Errno::Einval));
    let many = [receiver.get(); 129];
    report.expect("poll on 129 ports", poll(&many, 1), minus(Errno::Einval));
    report.expect("poll on nothing, in the past", poll(&[], 1), 0);
    for port in [sender, receiver] {
        event_channel(EventChannelOp::Close, &mut PortArg { port });
    }
    report.expect("yield", call2(Hypercall::SchedOp, u64::from(SchedOp::Yield.raw()), 0), 0);
    report.expect("unknown command", call2(Hypercall::SchedOp, 99, 0), minus(Errno::Enosys));
    refuses_bad_pointers(report, "poll", |address| {
        call2(Hypercall::SchedOp, u64::from(SchedOp::Poll.raw()), address)
    });
    let old_block_form = call2(Hypercall::SchedOpCompat, 99, 0);
    report.expect("old form, unknown command", old_block_form, minus(Errno::Enosys));
}
