// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events as interrupts of a PVH guest's local APIC; and an interrupt whose delivery is the first use
//! of its stack.
#![no_std]
#![no_main]

extern crate alloc;

use core::arch::asm;
use core::sync::atomic::{AtomicU8, Ordering};

use test_guests::apic::{Apic, DISABLED, ENABLED, register, to_msrs};
use test_guests::hypercall::{at, at_mut, call2};
use test_guests::interrupts::{during, give_back, open, shared_info, take_over};
use test_guests::own_tables::{OwnTables, address};
use test_guests::page_entry::{DIRTY, RW};
use test_guests::{minus, traps};
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::event_channel::{BindIpi, EventChannelOp, PortArg};
use xen_abi::hvm::{EvtchnUpcallVector, HvmOp};
use xen_abi::hypercall::Hypercall;
use xen_abi::trap::{TrapFlags, VECTOR_GP};

test_report::guest!(run, only_pvh = "a PV guest has no local APIC");

const INTERRUPT: u64 = 0x41;
const UPCALL: u8 = 0x91;

async fn run(report: &mut Report) {
    traps::record(VECTOR_GP, TrapFlags::empty());
    report.check("interrupts are the test's", take_over());
    report.equal("to MSRs", to_msrs(), 0);
    Apic::Msr.write(register::SPURIOUS, ENABLED);
    new_stack(report);
    upcalls(report);
    Apic::Msr.write(register::SPURIOUS, DISABLED);
    report.check("and minios's again", give_back());
}

/// An interrupt, whose delivery is the first use of its stack.
fn new_stack(report: &mut Report) {
    /// The last table, and the page behind it.
    const TABLE: u64 = 2;
    const STACK: u64 = 3;
    let Some(tables) = OwnTables::new(1) else { return report.error("a stack", "no memory") };
    tables.set(TABLE, 0, tables.page(STACK) | RW);
    pending().store(0, Ordering::SeqCst);
    Apic::Msr.send_itself(INTERRUPT);
    // SAFETY: every vector has a handler, which keeps all registers, and the stack is given back.
    let seen = during(|| unsafe {
        asm!("mov {old}, rsp", "mov rsp, {new}", "sti", "nop", "nop", "cli", "mov rsp, {old}",
            old = out(reg) _, new = in(reg) address(0, 0, 1));
    });
    report.expect("an interrupt to a new stack", seen, alloc::vec![INTERRUPT]);
    report.expect("the stack is dirty", tables.get(TABLE, 0) & DIRTY, DIRTY);
    Apic::Msr.end();
    report.expect("it comes once", during(open).len(), 0);
}

/// The flag of vCPU 0 that an event is pending.
fn pending() -> &'static AtomicU8 {
    &shared_info().vcpu_info[0].evtchn_upcall_pending
}

fn set_vector(vcpu: u32, vector: u8) -> i64 {
    let arg = EvtchnUpcallVector { vcpu, vector, ..Default::default() };
    call2(Hypercall::HvmOp, HvmOp::SetEvtchnUpcallVector.raw().into(), at(&arg))
}

/// Events by a vector of the vCPU, which wants an end of interrupt.
fn upcalls(report: &mut Report) {
    let apic = Apic::Msr;
    let mut bind = BindIpi::default();
    let op = |op: EventChannelOp, arg| call2(Hypercall::EventChannelOp, op.raw().into(), arg);
    report.expect("bind_ipi", op(EventChannelOp::BindIpi, at_mut(&mut bind)), 0);
    let port = PortArg { port: bind.port };
    report.expect("unmask", op(EventChannelOp::Unmask, at(&port)), 0);
    pending().store(0, Ordering::SeqCst);
    report.expect("vector of an exception", set_vector(0, 15), minus(Errno::Einval));
    report.expect("no such vCPU", set_vector(99, UPCALL), minus(Errno::Enoent));
    report.expect("vector", set_vector(0, UPCALL), 0);
    report.expect("at once", during(open), alloc::vec![u64::from(UPCALL)]);
    apic.end();
    let clear_and_send = || {
        let shared = shared_info();
        let (word, bit) = (bind.port.get() / 64, bind.port.get() % 64);
        let word = usize::try_from(word).unwrap_or(0);
        pending().store(0, Ordering::SeqCst);
        shared.vcpu_info[0].evtchn_pending_sel.store(0, Ordering::SeqCst);
        shared.evtchn_pending[word].fetch_and(!(1 << bit), Ordering::SeqCst);
        op(EventChannelOp::Send, at(&port))
    };
    let upcall = u64::from(UPCALL);
    report.expect("send", clear_and_send(), 0);
    report.expect("an event", during(open), alloc::vec![upcall]);
    report.expect("once", during(open).len(), 0);
    report.expect("send again", clear_and_send(), 0);
    report.expect("it waits for the end", during(open).len(), 0);
    apic.end();
    report.expect("and comes", during(open), alloc::vec![upcall]);
    apic.end();
    report.expect("close", op(EventChannelOp::Close, at(&port)), 0);
}
