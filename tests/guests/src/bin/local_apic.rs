// SPDX-License-Identifier: MIT OR Apache-2.0
//! The local APIC of a PVH guest: in memory, then as MSRs.
#![no_std]
#![no_main]

use core::arch::{asm, x86_64::__cpuid_count};

use test_guests::apic::{
    Apic, BASE, DISABLED, ENABLED, EXTENDED, MASKED, ON, PAGE, TO_ITSELF, map, msr, register,
    to_msrs,
};
use test_guests::interrupts::{during, give_back, open, take_over};
use test_guests::msr::{rdmsr, wrmsr};
use test_guests::traps::faults;
use test_guests::{is_hv, provoke, traps};
use test_report::Report;
use xen_abi::trap::{TrapFlags, VECTOR_GP};

test_report::guest!(run, only_pvh = "a PV guest has no local APIC");

const LOW: u64 = 0x41;
const HIGH: u64 = 0x61;
const ERROR: u64 = 0x81;

async fn run(report: &mut Report) {
    traps::record(VECTOR_GP, TrapFlags::empty());
    if !map() {
        return report.error("no page table", "for the registers");
    }
    report.expect("no vector of the domain", take_over(), true);
    identification(report);
    in_memory(report);
    as_msrs(report);
    by_msr(report);
    refused(report);
    off_and_on(report);
    report.expect("vector of the domain", give_back(), true);
}

fn identification(report: &mut Report) {
    let features = __cpuid_count(1, 0);
    report.expect("CPUID: local APIC", features.edx >> 9 & 1, 1);
    report.expect("CPUID: x2APIC", features.ecx >> 21 & 1, 1);
    report.expect("CPUID: number", features.ebx >> 24, 0);
    let topology = __cpuid_count(0xb, 0);
    report.row("CPUID: topology", (topology.ecx, topology.edx));
    let ids = __cpuid_count(0x4000_0004, 0);
    report.expect("CPUID: upcall vector, vcpu id", (ids.eax >> 6 & 1, ids.eax >> 3 & 1), (1, 1));
    report.expect("base", rdmsr(BASE), Some(0xfee0_0900));
}

fn in_memory(report: &mut Report) {
    let apic = Apic::Memory;
    report.expect("number", apic.read(register::ID), 0);
    report.expect("version", apic.read(register::VERSION), 0x5_0014);
    for (name, offset, value) in [
        ("logical", register::LOGICAL, 0),
        ("format", register::FORMAT, 0xffff_ffff),
        ("spurious", register::SPURIOUS, 0xff),
        ("timer", register::LVT_TIMER, MASKED),
        ("error", register::LVT_ERROR, MASKED),
    ] {
        report.expect(name, apic.read(offset), value);
    }
    apic.write(register::COMMAND, TO_ITSELF | LOW);
    report.expect("interrupt while disabled", during(open).len(), 0);
    apic.write(register::SPURIOUS, ENABLED);
    apic.write(register::LOGICAL, 0x0100_0000);
    report.expect("logical, set", apic.read(register::LOGICAL), 0x0100_0000);
    changes_in_memory(report);
    priorities(report, apic);
    destinations(report, apic);
}

/// What a kernel may use beside `mov`.
fn changes_in_memory(report: &mut Report) {
    let apic = Apic::Memory;
    let at = PAGE + u64::from(register::TASK_PRIORITY);
    apic.write(register::TASK_PRIORITY, 0x20);
    let mut value = 0x30u64;
    let faulted = faults(|| provoke!("xchg [{at}], {v:e}"; at = in(reg) at, v = inout(reg) value));
    report.expect("xchg", (faulted, value, apic.read(register::TASK_PRIORITY)), (0, 0x20, 0x30));
    let faulted = faults(|| provoke!("or dword ptr [{at}], 0x41"; at = in(reg) at));
    report.expect("or", (faulted, apic.read(register::TASK_PRIORITY)), (0, 0x71));
    let mut is_zero = 0u8;
    let faulted = faults(|| {
        provoke!("lock and dword ptr [{at}], {v:e}", "setz {z}"; at = in(reg) at,
            v = in(reg) 0xeu64, z = out(reg_byte) is_zero);
    });
    report.expect("and", (faulted, is_zero, apic.read(register::TASK_PRIORITY)), (0, 1, 0));
}

fn bit(apic: Apic, set: u32, vector: u64) -> u64 {
    let word = u32::try_from(vector / 32).unwrap_or(0);
    apic.read(set + 16 * word) >> (vector % 32) & 1
}

fn priorities(report: &mut Report, apic: Apic) {
    let name = |text: &str| alloc::format!("{apic:?}: {text}");
    apic.send_itself(LOW);
    apic.send_itself(HIGH);
    report.expect(&name("requested"), bit(apic, register::REQUESTED, LOW), 1);
    report.expect(&name("the higher one"), during(open), alloc::vec![HIGH]);
    report.expect(&name("in service"), bit(apic, register::IN_SERVICE, HIGH), 1);
    report.expect(&name("requested no more"), bit(apic, register::REQUESTED, HIGH), 0);
    report.expect(&name("edge"), bit(apic, register::TRIGGER_MODE, HIGH), 0);
    report.expect(&name("priority"), apic.read(register::PROCESSOR_PRIORITY), HIGH & 0xf0);
    apic.end();
    report.expect(&name("the lower one behind its end"), during(open), alloc::vec![LOW]);
    apic.send_itself(LOW + 1);
    report.expect(&name("the same class waits"), during(open).len(), 0);
    apic.send_itself(HIGH);
    report.expect(&name("a higher class does not"), during(open), alloc::vec![HIGH]);
    apic.end();
    apic.end();
    report.expect(&name("after both ends"), during(open), alloc::vec![LOW + 1]);
    apic.end();
    apic.end();
    task_priority(report, apic);
}

fn task_priority(report: &mut Report, apic: Apic) {
    let name = |text: &str| alloc::format!("{apic:?}: {text}");
    // The class above that of the interrupt: at the same one QEMU 7.2 and Xen wait for each other.
    apic.write(register::TASK_PRIORITY, 0x5f);
    report.expect(&name("CR8"), cr8(), 5);
    report.expect(&name("priority of the task"), apic.read(register::PROCESSOR_PRIORITY), 0x5f);
    apic.send_itself(LOW);
    report.expect(&name("held back by the task"), during(open).len(), 0);
    apic.write(register::TASK_PRIORITY, 0x30);
    report.expect(&name("lowered"), during(open), alloc::vec![LOW]);
    apic.end();
    apic.write(register::TASK_PRIORITY, 0);
    if is_hv() {
        by_cr8(report, apic);
    }
}

/// A write of CR8 alone lets in what waits. QEMU 7.2 ends itself at such a write on Xen, which does
/// not emulate it.
fn by_cr8(report: &mut Report, apic: Apic) {
    set_cr8(5);
    report.equal("task priority by CR8", apic.read(register::TASK_PRIORITY), 0x50);
    set_cr8(15);
    apic.send_itself(HIGH);
    // SAFETY: every vector has a handler, which keeps all registers.
    let seen = during(|| unsafe {
        asm!("sti", "nop", "mov cr8, {}", "nop", "nop", "cli", in(reg) 0u64, options(nostack));
    });
    report.equal("CR8 lowered, interrupts on", seen, alloc::vec![HIGH]);
    apic.end();
}

fn cr8() -> u64 {
    let value: u64;
    // SAFETY: reading a register changes nothing.
    unsafe { asm!("mov {}, cr8", out(reg) value, options(nomem, nostack)) };
    value
}

fn set_cr8(value: u64) {
    // SAFETY: holds interrupts back, or lets them in, which have handlers.
    unsafe { asm!("mov cr8, {}", in(reg) value, options(nostack)) };
}

/// All the ways to name this vCPU.
fn destinations(report: &mut Report, apic: Apic) {
    let command = |low: u64, target: u64| {
        match apic {
            Apic::Memory => {
                apic.write(register::COMMAND_HIGH, target << 24);
                apic.write(register::COMMAND, low);
            }
            Apic::Msr => apic.write(register::COMMAND, target << 32 | low),
        }
        let seen = during(open).len();
        if seen > 0 {
            apic.end();
        }
        seen
    };
    let everybody = if apic == Apic::Memory { 0xff } else { 0xffff_ffff };
    for (text, low, target, seen) in [
        ("its number", LOW, 0, 1),
        ("another number", LOW, 5, 0),
        ("everybody's number", LOW, everybody, 1),
        ("its logical number", LOW | 1 << 11, 1, 1),
        ("another logical number", LOW | 1 << 11, 2, 0),
        ("lowest priority", LOW | 1 << 8, 0, 1),
        ("itself", LOW | 1 << 18, 5, 1),
        ("all", LOW | 2 << 18, 5, 1),
        ("the others", LOW | 3 << 18, 0, 0),
    ] {
        report.expect(&alloc::format!("{apic:?}: to {text}"), command(low, target), seen);
    }
    report.expect(
        &alloc::format!("{apic:?}: an exception's vector"),
        command(TO_ITSELF | 15, 0),
        0,
    );
    apic.write(register::ERROR_STATUS, 0);
    let errors = apic.read(register::ERROR_STATUS);
    report.expect(&alloc::format!("{apic:?}: error status"), errors, 1 << 5);
}

fn as_msrs(report: &mut Report) {
    let base = rdmsr(BASE).unwrap_or(0);
    report.expect("MSR while in memory", rdmsr(msr(register::ID)), None);
    report.expect("to MSRs", to_msrs(), 0);
    report.expect("base, as MSRs", rdmsr(BASE), Some(0xfee0_0d00));
    report.expect("enabled as before", rdmsr(msr(register::SPURIOUS)), Some(ENABLED));
    report.expect("back to memory at once", wrmsr(BASE, base), 1);
}

fn by_msr(report: &mut Report) {
    let apic = Apic::Msr;
    report.expect("MSR: number", rdmsr(msr(register::ID)), Some(0));
    report.expect("MSR: version", rdmsr(msr(register::VERSION)), Some(0x5_0014));
    report.expect("MSR: logical", rdmsr(msr(register::LOGICAL)), Some(1));
    priorities(report, apic);
    destinations(report, apic);
}

/// What takes #GP.
fn refused(report: &mut Report) {
    for (name, offset, value) in [
        ("number", register::ID, 0),
        ("version", register::VERSION, 0),
        ("logical", register::LOGICAL, 1),
        ("format", register::FORMAT, 0),
        ("upper half of the command", register::COMMAND_HIGH, 0),
        ("task priority of 9 bits", register::TASK_PRIORITY, 0x100),
        ("end of interrupt with a value", register::EOI, 1),
        ("error status with a value", register::ERROR_STATUS, 1),
        ("timer with a reserved bit", register::LVT_TIMER, MASKED | 1 << 20),
        ("divisor with a reserved bit", register::TIMER_DIVIDE, 4),
        ("current count", register::TIMER_CURRENT, 0),
        ("message to itself with a reserved bit", register::SELF_IPI, 0x100),
        ("a register that there is not", 0x3d0, 0),
    ] {
        report.expect(&alloc::format!("written: {name}"), wrmsr(msr(offset), value), 1);
    }
    for (name, offset) in [
        ("end of interrupt", register::EOI),
        ("format", register::FORMAT),
        ("upper half of the command", register::COMMAND_HIGH),
        ("message to itself", register::SELF_IPI),
        ("a register that there is not", 0x3d0),
    ] {
        report.expect(&alloc::format!("read: {name}"), rdmsr(msr(offset)), None);
    }
    let apic = Apic::Msr;
    apic.write(register::ERROR_STATUS, 0);
    apic.write(register::LVT_ERROR, ERROR);
    apic.send_itself(3);
    report.row("error interrupts", during(open));
    apic.end();
    apic.write(register::LVT_ERROR, MASKED);
}

fn off_and_on(report: &mut Report) {
    let base = rdmsr(BASE).unwrap_or(0);
    report.expect("off, but extended", wrmsr(BASE, base & !ON), 1);
    report.expect("a reserved bit", wrmsr(BASE, base | 1), 1);
    report.expect("off", wrmsr(BASE, base & !(ON | EXTENDED)), 0);
    report.expect("CPUID: off", __cpuid_count(1, 0).edx >> 9 & 1, 0);
    report.expect("MSR while off", rdmsr(msr(register::ID)), None);
    report.expect("at once to MSRs", wrmsr(BASE, base), 1);
    report.expect("on", wrmsr(BASE, base & !EXTENDED), 0);
    report.expect("spurious is reset", Apic::Memory.read(register::SPURIOUS), DISABLED);
    report.expect("logical is reset", Apic::Memory.read(register::LOGICAL), 0);
    report.expect("to MSRs again", wrmsr(BASE, base), 0);
}

extern crate alloc;
