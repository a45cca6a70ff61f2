// SPDX-License-Identifier: MIT OR Apache-2.0
//! User mode: its system calls and faults reach the kernel's stack with frames that say so, it has
//! no privileges and a gs of its own, and a return that the CPU refuses is an exception at its target.
#![no_std]
#![no_main]

use minios::memory::SharedPages;
use test_guests::hypercall::{at, call, call2, call3};
use test_guests::traps::set_handler;
use test_guests::user_mode::{self, Stack, enter, frame, handler_rsp};
use test_report::Report;
use xen_abi::hypercall::Hypercall;
use xen_abi::mmu::{MmuextCmd, MmuextOp, Pte, PteFlags, UVMF_INVLPG};
use xen_abi::trap::{
    FLAT_KERNEL_CS, FLAT_KERNEL_SS, SegmentBase, TrapFlags, VECTOR_GP, VECTOR_PF, VECTOR_UD,
    VGCF_IN_SYSCALL,
};

test_report::guest!(run, only_pv = "the hypervisor knows no user mode of a PVH guest");

const USER_CS: u64 = FLAT_KERNEL_CS as u64;
const IN_SYSCALL: u64 = VGCF_IN_SYSCALL;

async fn run(report: &mut Report) {
    let (user, kernel) = (Stack::default(), Stack::default());
    report.expect("new_user_baseptr", user_mode::set_root(true), 0);
    report.expect("stack_switch", user_mode::set_kernel_stack(kernel.end() - 8), 0);
    without_callback(report, &user);
    let set = call3(Hypercall::SetCallbacks, 0, 0, user_mode::plain_handler());
    report.expect("set_callbacks", set, 0);
    system_call(report, &user, &kernel);
    faults(report, &user);
    segments(report, &user);
    let answer = enter(user_mode::cpuid(), user.end(), USER_CS, 0);
    report.check("forced cpuid answers in user mode", answer >= 0x4000_0002);
    hidden_m2p(report, &user);
    refused_returns(report, &user);
    report.expect("no user root", user_mode::set_root(false), 0);
}

fn without_callback(report: &mut Report, user: &Stack) {
    set_handler(VECTOR_UD, TrapFlags::empty(), user_mode::plain_handler());
    enter(user_mode::syscall(), user.end(), USER_CS, 0);
    report.equal("#UD at the syscall", frame(2), user_mode::after_syscall() - 2);
}

fn system_call(report: &mut Report, user: &Stack, kernel: &Stack) {
    let rax = enter(user_mode::syscall(), user.end(), USER_CS, 0);
    report.expect("rcx and r11 at the start", rax, 33);
    report.equal("rcx", frame(0), user_mode::after_syscall());
    report.equal("rip", frame(2), user_mode::after_syscall());
    report.expect("cs", frame(3) & 0xffff, USER_CS);
    report.expect("saved upcall mask", frame(3) >> 32 & 0xff, 1);
    report.expect("IF is the inverse of the mask", frame(4) >> 9 & 1, 0);
    report.expect("direction flag", frame(4) >> 10 & 1, 1);
    report.equal("rsp", frame(5), user.end());
    report.expect("ss", frame(6) & 0xffff, u64::from(FLAT_KERNEL_SS));
    report.equal("frame on the kernel's stack", handler_rsp(), kernel.end() - 16 - 56);
    let rax = enter(user_mode::syscall(), user.end(), USER_CS, IN_SYSCALL);
    report.check("a return as from a syscall loads rip and rflags", rax != 33);
}

fn faults(report: &mut Report, user: &Stack) {
    const USER_READ: u64 = 4;
    for vector in [VECTOR_PF, VECTOR_GP] {
        set_handler(vector, TrapFlags::empty(), user_mode::error_handler());
    }
    enter(user_mode::fault(), user.end(), USER_CS, 0);
    report.expect("error code of a user's read", frame(2), USER_READ);
    report.equal("where", frame(3), user_mode::fault());
    enter(user_mode::privileged(), user.end(), USER_CS, 0);
    report.equal("clts is refused", frame(3), user_mode::privileged());
    report.expect("error code of #GP", frame(2), 0);
    enter(user_mode::port(), user.end(), USER_CS, 0);
    report.equal("in is refused", frame(3), user_mode::port());
}

/// User mode does not see the M2P through tables of its own.
fn hidden_m2p(report: &mut Report, user: &Stack) {
    const USER_READ: u64 = 4;
    let Ok(own) = SharedPages::alloc(1) else { return report.error("a page", "no memory") };
    let kernel = minios::start_info().pt_base.get();
    for slot in (0..512).filter(|slot| !(256..272).contains(slot)) {
        own.write_value(slot * 8, &test_guests::word(kernel + slot as u64 * 8));
    }
    let (va, mfn) = (own.address() as u64, own.mfn(0));
    let map =
        |flags| call3(Hypercall::UpdateVaMapping, va, Pte::new(mfn, flags).raw(), UVMF_INVLPG);
    let read_only = PteFlags::PRESENT | PteFlags::USER | PteFlags::ACCESSED;
    report.expect("map an L4 read-only", map(read_only), 0);
    let extended = |cmd: MmuextCmd| {
        let op = MmuextOp::new(cmd, mfn.get(), 0);
        call(Hypercall::MmuextOp, [at(&op), 1, 0, 0x7ff0, 0])
    };
    report.expect("pin it", extended(MmuextCmd::PinL4Table), 0);
    report.expect("root of user mode", user_mode::set_root_to(mfn.get()), 0);
    enter(user_mode::m2p(), user.end(), USER_CS, 0);
    report.expect("error code of reading the M2P", frame(2), USER_READ);
    report.expect("the kernel's root again", user_mode::set_root(true), 0);
    report.expect("unpin it", extended(MmuextCmd::UnpinTable), 0);
    report.expect("map it writable", map(read_only | PteFlags::WRITABLE), 0);
}

fn segments(report: &mut Report, user: &Stack) {
    let (of_user, of_kernel) = (0x1111u64, 0x2222u64);
    let set =
        |which: SegmentBase, base| call2(Hypercall::SetSegmentBase, u64::from(which.raw()), base);
    report.expect("gs of user mode", set(SegmentBase::GsUser, at(&of_user)), 0);
    report.expect("gs of the kernel", set(SegmentBase::GsKernel, at(&of_kernel)), 0);
    for _ in 0..2 {
        report.expect("user", enter(user_mode::gs(), user.end(), USER_CS, 0), of_user);
        let seen: u64;
        // SAFETY: gs points at a word of ours.
        unsafe { core::arch::asm!("mov {}, gs:[0]", out(reg) seen) };
        report.expect("kernel", seen, of_kernel);
    }
}

fn refused_returns(report: &mut Report, user: &Stack) {
    const NO_SELECTOR: u64 = 0xdeb8;
    const NON_CANONICAL: u64 = 1 << 63;
    enter(user_mode::syscall(), user.end(), NO_SELECTOR | 3, 0);
    report.expect("bad cs: error code", frame(2), NO_SELECTOR);
    report.equal("bad cs: rip", frame(3), user_mode::syscall());
    report.equal("bad cs: cs", frame(4) & 0xffff, NO_SELECTOR | 3);
    report.equal("bad cs: rsp", frame(6), user.end());
    for flags in [0, IN_SYSCALL] {
        enter(NON_CANONICAL, user.end(), USER_CS, flags);
        report.expect("non-canonical rip: error code", frame(2), 0);
        report.equal("non-canonical rip", frame(3), NON_CANONICAL);
    }
}
