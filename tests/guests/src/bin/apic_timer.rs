// SPDX-License-Identifier: MIT OR Apache-2.0
//! The timer of a PVH guest's local APIC: in memory, then as MSRs.
#![no_std]
#![no_main]

extern crate alloc;

use core::arch::x86_64::_rdtsc;

use test_guests::apic::{Apic, DISABLED, ENABLED, MASKED, TSC_DEADLINE, map, register, to_msrs};
use test_guests::interrupts::{count, during, give_back, open, take_over, wait_until};
use test_guests::msr::{rdmsr, wrmsr};
use test_guests::traps;
use test_report::Report;
use xen_abi::trap::{TrapFlags, VECTOR_GP};

test_report::guest!(run, only_pvh = "a PV guest has no local APIC");

const TIMER: u8 = 0x71;
const VECTOR: u64 = TIMER as u64;
const PERIODIC: u64 = 1 << 17;
const BY_TSC: u64 = 2 << 17;
/// Divides by 1.
const UNDIVIDED: u64 = 0b1011;

async fn run(report: &mut Report) {
    traps::record(VECTOR_GP, TrapFlags::empty());
    if !map() {
        return report.error("no page table", "for the registers");
    }
    report.check("interrupts are the test's", take_over());
    Apic::Memory.write(register::SPURIOUS, ENABLED);
    timer(report, Apic::Memory);
    report.equal("to MSRs", to_msrs(), 0);
    timer(report, Apic::Msr);
    Apic::Msr.write(register::SPURIOUS, DISABLED);
    report.check("and minios's again", give_back());
}

fn timer(report: &mut Report, apic: Apic) {
    let name = |text: &str| alloc::format!("{apic:?}: timer, {text}");
    let fires = |times: u64| {
        let before = count(TIMER);
        let fired = wait_until(|| {
            apic.end();
            count(TIMER) >= before + times
        });
        apic.end();
        fired
    };
    apic.write(register::TIMER_DIVIDE, UNDIVIDED);
    apic.write(register::LVT_TIMER, VECTOR);
    apic.write(register::TIMER_INITIAL, 100_000);
    report.expect(&name("once"), fires(1), true);
    report.expect(&name("stands"), apic.read(register::TIMER_CURRENT), 0);
    report.expect(&name("initial count"), apic.read(register::TIMER_INITIAL), 100_000);
    apic.write(register::LVT_TIMER, VECTOR | PERIODIC);
    apic.write(register::TIMER_INITIAL, 100_000);
    report.expect(&name("again and again"), fires(5), true);
    apic.write(register::TIMER_INITIAL, 0);
    apic.write(register::LVT_TIMER, VECTOR | MASKED);
    // One more may have come.
    open();
    apic.end();
    let before = count(TIMER);
    apic.write(register::TIMER_INITIAL, 0xffff_ffff);
    let first = apic.read(register::TIMER_CURRENT);
    let counts = wait_until(|| apic.read(register::TIMER_CURRENT) < first);
    report.expect(&name("counts down"), counts, true);
    apic.write(register::TIMER_INITIAL, 1);
    let masked = wait_until(|| apic.read(register::TIMER_CURRENT) == 0);
    report.expect(&name("masked"), (masked, count(TIMER) - before), (true, 0));
    apic.write(register::LVT_TIMER, VECTOR | BY_TSC);
    apic.write(register::TIMER_INITIAL, 5);
    report.expect(&name("no count by the TSC"), apic.read(register::TIMER_INITIAL), 0);
    report.expect(&name("deadline"), wrmsr(TSC_DEADLINE, tsc() + 1_000_000), 0);
    report.expect(&name("by the TSC"), fires(1), true);
    report.expect(&name("no deadline"), rdmsr(TSC_DEADLINE), Some(0));
    wrmsr(TSC_DEADLINE, 1);
    report.expect(&name("a deadline that has passed"), fires(1), true);
    wrmsr(TSC_DEADLINE, u64::MAX);
    report.expect(&name("the last deadline"), rdmsr(TSC_DEADLINE), Some(u64::MAX));
    report.expect(&name("does not come"), during(open).len(), 0);
    wrmsr(TSC_DEADLINE, 0);
    apic.write(register::LVT_TIMER, MASKED);
}

fn tsc() -> u64 {
    // SAFETY: reading the counter changes nothing.
    unsafe { _rdtsc() }
}
