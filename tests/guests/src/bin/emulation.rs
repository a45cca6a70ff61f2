// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions of ring 0 that a guest's kernel may use although it is in ring 3: they do what
//! they should, and no more; the others take #GP.
#![no_std]
#![no_main]

use core::arch::asm;

use test_guests::control::{cr0, cr4};
use test_guests::hypercall::{at, call1, call2};
use test_guests::msr::{rdmsr, wrmsr};
use test_guests::traps::faults;
use test_guests::{provoke, traps};
use test_report::Report;
use xen_abi::hypercall::Hypercall;
use xen_abi::physdev::{PhysdevOp, SetIopl};
use xen_abi::trap::{TrapFlags, VECTOR_GP};

test_report::guest!(run, only_pv = "a PVH guest is in ring 0 itself");

const CR0_TS: u64 = 1 << 3;
const CR0_WP: u64 = 1 << 16;
const FS_BASE: u32 = 0xc000_0100;
const GS_BASE: u32 = 0xc000_0101;
const EFER: u32 = 0xc000_0080;

async fn run(report: &mut Report) {
    traps::record(VECTOR_GP, TrapFlags::empty());
    control_registers(report);
    model_specific(report);
    debug_registers(report);
    ports(report);
    forced_cpuid(report);
    refused(report);
}

/// A kernel sees OSXSAVE where there is xsave, although it has not turned it on yet.
fn forced_cpuid(report: &mut Report) {
    const XSAVE: u32 = 1 << 26;
    const OSXSAVE: u32 = 1 << 27;
    let features: u32;
    // SAFETY: the hypervisor executes it; the registers that it changes are declared.
    unsafe {
        asm!("push rbx", ".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e", "cpuid", "pop rbx",
            inout("eax") 1 => _, inout("ecx") 0 => features, out("edx") _)
    };
    report.expect("OSXSAVE beside XSAVE", features & OSXSAVE != 0, features & XSAVE != 0);
}

/// Told afterwards: with TS set nothing may be printed, as that may take vector registers.
fn task_switched(report: &mut Report) {
    call1(Hypercall::FpuTaskswitch, 1);
    let after_hypercall = cr0() & CR0_TS;
    provoke!("clts");
    report.expect("TS after fpu_taskswitch", after_hypercall, CR0_TS);
    report.expect("TS after clts", cr0() & CR0_TS, 0);
    let value = cr0() | CR0_TS;
    let set = faults(|| provoke!("mov cr0, {v}"; v = in(reg) value));
    let after_set = cr0() & CR0_TS;
    let value = cr0() & !CR0_TS;
    let clear = faults(|| provoke!("mov cr0, {v}"; v = in(reg) value));
    report.expect("set TS", set, 0);
    report.expect("TS", after_set, CR0_TS);
    report.expect("clear TS", clear, 0);
}

fn control_registers(report: &mut Report) {
    report.expect("cr0: PG, WP, PE", cr0() & (1 << 31 | CR0_WP | 1), 1 << 31 | CR0_WP | 1);
    report.expect("TS at first", cr0() & CR0_TS, 0);
    task_switched(report);
    let value = cr0() & !CR0_WP;
    report.expect("clear WP", faults(|| provoke!("mov cr0, {v}"; v = in(reg) value)), 1);
    let cr3: u64;
    // SAFETY: emulated by the hypervisor.
    unsafe { asm!("mov {}, cr3", out(reg) cr3) };
    report.expect("load cr3", faults(|| provoke!("mov cr3, {v}"; v = in(reg) cr3)), 0);
    report.expect("bad cr3", faults(|| provoke!("mov cr3, {v}"; v = in(reg) 0x1000u64)), 1);
    let cr4 = cr4();
    report.expect("cr4: PAE", cr4 & 1 << 5, 1 << 5);
    report.expect("load cr4", faults(|| provoke!("mov cr4, {v}"; v = in(reg) cr4)), 0);
}

fn model_specific(report: &mut Report) {
    let efer = rdmsr(EFER).unwrap_or(0);
    report.expect("EFER: SCE, LME, LMA", efer & 0x501, 0x501);
    report.expect("EFER written back", wrmsr(EFER, efer), 0);
    report.expect("EFER without NX", wrmsr(EFER, efer & !(1 << 11)), 1);
    report.expect("unknown register", rdmsr(0xdead), None);
    report.expect("unknown register written", wrmsr(0xdead, 0), 1);
    report.expect("fs base", wrmsr(FS_BASE, 0x1234_5678), 0);
    report.expect("fs base", rdmsr(FS_BASE), Some(0x1234_5678));
    report.expect("fs base", wrmsr(FS_BASE, 0), 0);
    report.expect("gs base, non-canonical", wrmsr(GS_BASE, 1 << 63), 1);
}

fn debug_registers(report: &mut Report) {
    let (dr0, dr7): (u64, u64);
    report.expect("write dr0", faults(|| provoke!("mov dr0, {v}"; v = in(reg) 0x1000u64)), 0);
    // SAFETY: emulated by the hypervisor.
    unsafe { asm!("mov {}, dr0", "mov {}, dr7", out(reg) dr0, out(reg) dr7) };
    report.expect("dr0", dr0, 0x1000);
    report.expect("dr7", dr7, 0x400);
    let of_hypervisor = 0xffff_8200_0000_0000u64;
    let refused = faults(|| provoke!("mov dr0, {v}"; v = in(reg) of_hypervisor));
    report.expect("dr0 on the hypervisor", refused, 1);
    report.expect("clear dr0", faults(|| provoke!("mov dr0, {v}"; v = in(reg) 0u64)), 0);
}

fn set_iopl(level: u32) -> i64 {
    let argument = SetIopl { iopl: level };
    call2(Hypercall::PhysdevOp, u64::from(PhysdevOp::SetIopl.raw()), at(&argument))
}

/// The first domain has the hardware; another one finds nothing there.
fn ports(report: &mut Report) {
    let read = |port: u16| {
        let mut value = 0u8;
        let faulted = faults(|| provoke!("in al, dx"; in("dx") port, inout("al") value));
        (faulted == 0).then_some(value)
    };
    report.expect("set_iopl 4", set_iopl(4), test_guests::minus(xen_abi::errno::Errno::Einval));
    report.expect("set_iopl 0", set_iopl(0), 0);
    report.expect("in at level 0", read(0x61), None);
    report.expect("cli at level 0", faults(|| provoke!("cli")), 1);
    report.expect("set_iopl 1", set_iopl(1), 0);
    report.expect("in at level 1", read(0x61).is_some(), true);
    report.expect("serial port", read(0x3fd), Some(0xff));
    report.expect("interrupt controller", read(0x21), Some(0xff));
    let mut text = *b"abcd";
    // SAFETY: `outs` reads the four bytes and writes them to the port that POST codes go to.
    unsafe {
        asm!("rep outsb", in("dx") 0x80u16, inout("rsi") text.as_mut_ptr() => _,
            inout("rcx") 4u64 => _);
    }
    report.check("rep outs", true);
    report.expect("set_iopl 0", set_iopl(0), 0);
}

fn refused(report: &mut Report) {
    report.expect("hlt", faults(|| provoke!("hlt")), 1);
    report.expect("invlpg", faults(|| provoke!("invlpg [{a}]"; a = in(reg) 0u64)), 1);
    report.expect("lidt", faults(|| provoke!("lidt [rsp]")), 1);
    report.expect("ltr", faults(|| provoke!("ltr {v:x}"; v = in(reg) 0u64)), 1);
    report.expect("swapgs", faults(|| provoke!("swapgs")), 1);
    report.expect("sysret", faults(|| provoke!("sysretq")), 1);
    report.expect("mov to cr8", faults(|| provoke!("mov cr8, {v}"; v = in(reg) 0u64)), 1);
}
