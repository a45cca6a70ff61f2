// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exceptions are bounced with the right frame: with and without error code, `int n` by DPL,
//! handlers at bad addresses, page faults with cr2 and the error code of a guest kernel.
#![no_std]
#![no_main]

use test_guests::control::cr2;
use test_guests::hypercall::{at, call1};
use test_guests::{minus, provoke, refuses_bad_pointers, traps};
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::trap::{
    FLAT_KERNEL_SS, TrapFlags, TrapInfo, VECTOR_BP, VECTOR_DE, VECTOR_GP, VECTOR_PF, VECTOR_UD,
};

test_report::guest!(run, only_pv = "the hypervisor bounces no exceptions of a PVH guest");

/// An address that nothing maps.
const ABSENT: u64 = 0x10;
/// A vector that no exception uses.
const SOFTWARE: u8 = 0x55;
/// QEMU up to 7.2 gives `int n` through a closed gate the error code n * 16 + 2, not n * 8 + 2; a
/// hypervisor that trusts it delivers #GP.
const WRONG_ERROR_CODE: u64 = 0x552;

async fn run(report: &mut Report) {
    without_error_code(report);
    with_error_code(report);
    software_interrupts(report);
    table(report);
}

fn without_error_code(report: &mut Report) {
    report.expect("set_trap_table", traps::record(VECTOR_UD, TrapFlags::empty()), 0);
    let before = traps::count();
    provoke!("ud2");
    let frame = traps::last(VECTOR_UD);
    report.expect("#UD seen", traps::count() - before, 1);
    report.expect("cs", frame.cs & 0xffff, 0xe030);
    report.expect("ss", frame.ss & 0xffff, u64::from(FLAT_KERNEL_SS));
    report.expect("saved upcall mask", frame.cs >> 32 & 0xff, 1);
    report.expect("IF is the inverse of the mask", frame.rflags >> 9 & 1, 0);
    report.expect("IOPL", frame.rflags >> 12 & 3, 0);
    traps::record(VECTOR_DE, TrapFlags::empty());
    provoke!("xor edx, edx", "xor ecx, ecx", "div ecx"; out("eax") _, out("ecx") _, out("edx") _);
    report.expect("#DE seen", traps::count() - before, 2);
    traps::record(VECTOR_BP, TrapFlags::DPL3);
    provoke!("int3");
    report.expect("#BP seen", traps::count() - before, 3);
}

fn with_error_code(report: &mut Report) {
    traps::record(VECTOR_PF, TrapFlags::empty());
    let before = traps::count();
    provoke!("mov rax, [{at}]"; at = in(reg) ABSENT, out("rax") _);
    report.expect("#PF seen", traps::count() - before, 1);
    report.expect("error code of a read", traps::last(VECTOR_PF).error, Some(0));
    provoke!("mov [{at}], rax"; at = in(reg) ABSENT, out("rax") _);
    report.expect("error code of a write", traps::last(VECTOR_PF).error, Some(2));
    let cr2 = cr2();
    report.expect("cr2", cr2, ABSENT);
    traps::record(VECTOR_GP, TrapFlags::empty());
    provoke!("mov rax, [{at}]"; at = in(reg) 1u64 << 63, out("rax") _);
    report.expect("#GP seen", traps::count() - before, 3);
    report.expect("error code of #GP", traps::last(VECTOR_GP).error, Some(0));
    provoke!("hlt");
    report.expect("hlt is refused", traps::count() - before, 4);
}

fn software_interrupts(report: &mut Report) {
    traps::record(SOFTWARE, TrapFlags::DPL3);
    let before = traps::count();
    provoke!("int 0x55");
    report.expect("int 0x55, DPL 3", traps::count() - before, 1);
    if traps::last(VECTOR_GP).error == Some(WRONG_ERROR_CODE) {
        return report.skip("the emulator gives int n a wrong error code");
    }
    report.equal("its cs", traps::last(SOFTWARE).cs & 0xffff, 0xe030);
    traps::record(SOFTWARE, TrapFlags::empty());
    provoke!("int 0x55");
    report.expect("int 0x55, DPL 0: #GP", traps::count() - before, 2);
}

fn table(report: &mut Report) {
    let bad = traps::set_handler(SOFTWARE, TrapFlags::empty(), 1 << 63);
    report.expect("non-canonical handler", bad, minus(Errno::Einval));
    let empty = [TrapInfo::default()];
    report.expect("empty table", call1(Hypercall::SetTrapTable, at(&empty)), 0);
    refuses_bad_pointers(report, "set_trap_table", |address| {
        call1(Hypercall::SetTrapTable, address)
    });
}
