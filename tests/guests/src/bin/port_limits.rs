// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain has as many ports as it was created with, `ENOSPC` for one more, and can go on when it
//! closes one. The first domain has all of them, a domU the 1023 that toolstacks give by default.
#![no_std]
#![no_main]

use test_guests::hypercall::{at_mut, call2};
use test_guests::minus;
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::event_channel::{AllocUnbound, EventChannelOp, MAX_PORTS, PortArg};
use xen_abi::hypercall::Hypercall;

test_report::guest!(run);

/// `max_event_channels` of a domain whose configuration does not name it.
const DOMU_PORTS: u32 = 1023;

fn alloc(unbound: &mut AllocUnbound) -> i64 {
    let op = u64::from(EventChannelOp::AllocUnbound.raw());
    call2(Hypercall::EventChannelOp, op, at_mut(unbound))
}

async fn run(report: &mut Report) {
    let mut unbound =
        AllocUnbound { dom: DomId::SELF, remote_dom: DomId::SELF, ..Default::default() };
    let mut ports = alloc::vec::Vec::new();
    let full = loop {
        match alloc(&mut unbound) {
            0 if ports.len() < 5000 => ports.push(unbound.port),
            other => break other,
        }
    };
    report.expect("one port too many", full, minus(Errno::Enospc));
    let highest = ports.iter().map(|port| port.get()).max().unwrap_or(0);
    let most = if minios::is_initial_domain() { MAX_PORTS - 1 } else { DOMU_PORTS };
    report.expect("highest port", highest, most);
    report.check("port 0 is never handed out", ports.iter().all(|port| port.get() != 0));
    for port in ports {
        let close = u64::from(EventChannelOp::Close.raw());
        let closed = call2(Hypercall::EventChannelOp, close, at_mut(&mut PortArg { port }));
        report.equal("close", closed, 0);
    }
    report.expect("a port after closing", alloc(&mut unbound), 0);
}

extern crate alloc;
