// SPDX-License-Identifier: MIT OR Apache-2.0
//! Upcalls: none while masked, one when the mask opens, the mask closed inside, both ways back,
//! and an event that comes inside the callback is delivered after it.
#![no_std]
#![no_main]

use core::sync::atomic::Ordering::SeqCst;
use test_guests::hypercall::{at_mut, call2};
use test_guests::upcalls::{Callback, Return};
use test_report::Report;
use xen_abi::event_channel::{BindIpi, EventChannelOp, EvtchnPort, PortArg};
use xen_abi::hypercall::Hypercall;
use xen_abi::sched::SchedOp;

test_report::guest!(run, only_pv = "a PVH guest has no event callback but an interrupt");

fn event_channel<T>(op: EventChannelOp, arg: &mut T) -> i64 {
    call2(Hypercall::EventChannelOp, u64::from(op.raw()), at_mut(arg))
}

async fn run(report: &mut Report) {
    let mut ipi = BindIpi::default();
    report.equal("bind_ipi", event_channel(EventChannelOp::BindIpi, &mut ipi), 0);
    for how in [Return::Iretq, Return::Hypercall] {
        match Callback::register(how) {
            Some(callback) => upcalls(report, &callback, how, ipi.port),
            None => report.error("a callback", "cannot be registered"),
        }
    }
    event_channel(EventChannelOp::Close, &mut PortArg { port: ipi.port });
}

fn send(port: EvtchnPort) {
    event_channel(EventChannelOp::Send, &mut PortArg { port });
}

/// Clearing the mask in memory delivers nothing by itself: the next entry into the hypervisor does.
fn open_mask(callback: &Callback) {
    callback.vcpu().evtchn_upcall_mask.store(0, SeqCst);
    call2(Hypercall::SchedOp, u64::from(SchedOp::Yield.raw()), 0);
}

fn clear(callback: &Callback, port: EvtchnPort) {
    if let Some((word, bit)) = port.word_and_bit() {
        callback.shared_info().evtchn_pending[word].fetch_and(!(1 << bit), SeqCst);
    }
}

fn upcalls(report: &mut Report, callback: &Callback, how: Return, port: EvtchnPort) {
    let name = |text| alloc::format!("{text}, {how:?}");
    callback.vcpu().evtchn_upcall_mask.store(1, SeqCst);
    event_channel(EventChannelOp::Unmask, &mut PortArg { port });
    clear(callback, port);
    send(port);
    report.expect(&name("while masked"), callback.count(), 0);
    report.expect(&name("pending"), callback.vcpu().evtchn_upcall_pending.load(SeqCst), 1);
    open_mask(callback);
    report.expect(&name("when the mask opened"), callback.count(), 1);
    report.expect(&name("mask inside and before"), callback.masks(), (1, 0));
    let after = callback.vcpu().evtchn_upcall_mask.load(SeqCst);
    report.expect(&name("mask after"), after, u8::from(how == Return::Iretq));

    // The port's bit is still set: sending again raises nothing.
    callback.vcpu().evtchn_upcall_mask.store(0, SeqCst);
    send(port);
    report.expect(&name("a port that is pending"), callback.count(), 1);
    clear(callback, port);
    callback.vcpu().evtchn_pending_sel.store(0, SeqCst);
    callback.vcpu().evtchn_upcall_mask.store(0, SeqCst);
    send(port);
    report.expect(&name("sent while open"), callback.count(), 2);

    clear(callback, port);
    callback.vcpu().evtchn_pending_sel.store(0, SeqCst);
    masked_port(report, callback, &name("a masked port"), port);
}

/// A port that is masked becomes pending and raises nothing until it is unmasked.
fn masked_port(report: &mut Report, callback: &Callback, name: &str, port: EvtchnPort) {
    let Some((word, bit)) = port.word_and_bit() else { return };
    callback.shared_info().evtchn_mask[word].fetch_or(1 << bit, SeqCst);
    callback.vcpu().evtchn_upcall_mask.store(0, SeqCst);
    let before = callback.count();
    send(port);
    report.expect(name, callback.count() - before, 0);
    event_channel(EventChannelOp::Unmask, &mut PortArg { port });
    report.expect(name, callback.count() - before, 1);
    clear(callback, port);
}

extern crate alloc;
