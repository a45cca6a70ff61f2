// SPDX-License-Identifier: MIT OR Apache-2.0
//! All vector registers and MXCSR survive hypercalls, faults and switches to other vCPUs; with TS
//! set every hypercall still works and the next vector instruction takes #NM.
#![no_std]
#![no_main]

use core::arch::{asm, x86_64::__cpuid};
use test_guests::hypercall::{call_number, call1};
use test_guests::{provoke, traps};
use test_report::Report;
use xen_abi::hypercall::Hypercall;
use xen_abi::sched::SchedOp;
use xen_abi::trap::{TrapFlags, VECTOR_GP, VECTOR_NM, VECTOR_UD};

test_report::guest!(run, only_pv = "a PVH guest makes no hypercalls by syscall");

/// A value for MXCSR that is not its reset value: round down, all exceptions masked.
const MXCSR: u32 = 0x3f80;

/// The halves of sixteen 256-bit registers.
#[repr(C, align(32))]
#[derive(Clone, PartialEq, Eq)]
struct Registers([[u64; 4]; 16]);

impl Registers {
    fn pattern(seed: u64) -> Self {
        let word = |i: u64| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed;
        Self(core::array::from_fn(|r| core::array::from_fn(|w| word((r * 4 + w) as u64))))
    }

    /// The lower half of each register, which is all that SSE has.
    fn lower(mut self) -> Self {
        for register in &mut self.0 {
            register[2] = 0;
            register[3] = 0;
        }
        self
    }
}

/// Loads all registers, executes `$middle`, stores them again.
macro_rules! carried_through {
    ($load:literal, $store:literal, $registers:expr, $middle:expr, $rax:expr, $rdi:expr) => {{
        let registers: &mut Registers = $registers;
        // SAFETY: the instructions read and write the 512 bytes of `registers`; everything that
        // they or the hypercall change is declared.
        unsafe {
            asm!(
                concat!(".irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n", $load, "\n.endr"),
                $middle,
                concat!(".irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n", $store, "\n.endr"),
                at = in(reg) registers,
                inout("rax") $rax => _, inout("rdi") $rdi => _, in("rsi") 0u64,
                in("rdx") 0u64, in("r10") 0u64, in("r8") 0u64,
                lateout("rcx") _, lateout("r11") _,
                out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
                out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
                out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
            );
        }
    }};
}

/// The registers after `syscall` with this number and first argument.
fn through_hypercall(avx: bool, number: u64, first: u64) -> Registers {
    let mut registers = Registers::pattern(number);
    if avx {
        carried_through!(
            "vmovups ymm\\i, [{at} + 32 * \\i]",
            "vmovups [{at} + 32 * \\i], ymm\\i",
            &mut registers,
            "syscall",
            number,
            first
        );
    } else {
        carried_through!(
            "movups xmm\\i, [{at} + 32 * \\i]",
            "movups [{at} + 32 * \\i], xmm\\i",
            &mut registers,
            "syscall",
            number,
            first
        );
    }
    registers
}

/// The registers after an exception whose handler skips the faulting instruction.
fn through_fault(avx: bool) -> Registers {
    let mut registers = Registers::pattern(1);
    if avx {
        carried_through!(
            "vmovups ymm\\i, [{at} + 32 * \\i]",
            "vmovups [{at} + 32 * \\i], ymm\\i",
            &mut registers,
            "int3",
            0u64,
            0u64
        );
    } else {
        carried_through!(
            "movups xmm\\i, [{at} + 32 * \\i]",
            "movups [{at} + 32 * \\i], xmm\\i",
            &mut registers,
            "int3",
            0u64,
            0u64
        );
    }
    registers
}

async fn run(report: &mut Report) {
    let avx = enable_avx(report);
    report.row("AVX", avx);
    report.check("the guest sees its CPUID", __cpuid(0).eax >= 1);
    let calls = [
        ("xen_version", Hypercall::XenVersion.raw(), 0),
        ("unknown", 63, 0),
        ("yield", Hypercall::SchedOp.raw(), u64::from(SchedOp::Yield.raw())),
        ("set_timer_op", Hypercall::SetTimerOp.raw(), 0),
        ("event_channel_op", Hypercall::EventChannelOp.raw(), 99),
    ];
    set_mxcsr(MXCSR);
    for (name, number, first) in calls {
        let found = through_hypercall(avx, number, first);
        report.check(name, found == expected(avx, Registers::pattern(number), &found));
    }
    traps::record(3, TrapFlags::DPL3);
    traps::RESUME.store(0, core::sync::atomic::Ordering::Relaxed);
    let found = through_fault(avx);
    report.check("int3", found == expected(avx, Registers::pattern(1), &found));
    report.expect("MXCSR", mxcsr(), MXCSR);
    set_mxcsr(0x1f80);
    task_switched(report, calls);
    if avx {
        components(report);
    }
}

/// XCR0 takes what the processor could have: x87 always, AVX with SSE. What was off keeps its
/// value, through other domains' turns too.
fn components(report: &mut Report) {
    traps::record(VECTOR_GP, TrapFlags::empty());
    let set = |register: u32, value: u32| {
        traps::faults(|| {
            provoke!("xsetbv"; in("ecx") register, in("eax") value, in("edx") 0);
        })
    };
    for value in [0, 2, 4, 5, 6, 1 << 31 | 3] {
        report.expect(&alloc::format!("XCR0 {value:#x}"), set(0, value), 1);
    }
    report.expect("XCR1", set(1, 3), 1);
    let half = [0x5555u64; 2];
    // SAFETY: the processor has AVX, and it is on.
    unsafe { asm!("vinsertf128 ymm9, ymm9, [{}], 1", in(reg) &raw const half, out("xmm9") _) };
    for value in [1, 3] {
        report.expect(&alloc::format!("XCR0 {value:#x}"), (set(0, value), xcr0()), (0, value));
        call1(Hypercall::SchedOp, u64::from(SchedOp::Yield.raw()));
        report.expect("XCR0 after a yield", xcr0(), value);
    }
    report.expect("XCR0 as before", (set(0, 7), xcr0()), (0, 7));
    let mut found = [0u64; 2];
    // SAFETY: as above.
    unsafe { asm!("vextractf128 [{}], ymm9, 1", in(reg) &raw mut found) };
    report.expect("the upper half of ymm9", found, half);
}

fn xcr0() -> u32 {
    let low: u32;
    // SAFETY: CR4.OSXSAVE is on.
    unsafe { asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") _) };
    low
}

/// Without AVX the upper halves of the pattern are never loaded: they stay as they were.
fn expected(avx: bool, pattern: Registers, found: &Registers) -> Registers {
    if avx {
        return pattern;
    }
    let mut want = pattern.lower();
    for (to, from) in want.0.iter_mut().zip(&found.0) {
        to[2..].copy_from_slice(&from[2..]);
    }
    want
}

/// With TS set by `fpu_taskswitch`: hypercalls and faults work, and #NM comes to the guest.
fn task_switched(report: &mut Report, calls: [(&str, u64, u64); 5]) {
    traps::record(VECTOR_NM, TrapFlags::empty());
    traps::record(VECTOR_UD, TrapFlags::empty());
    for (name, number, first) in calls {
        let before = traps::count();
        call1(Hypercall::FpuTaskswitch, 1);
        call_number(number, [first, 0, 0, 0, 0]);
        provoke!("movaps xmm0, xmm0");
        call1(Hypercall::FpuTaskswitch, 0);
        report.equal(name, traps::count() - before, 1);
    }
    let before = traps::count();
    call1(Hypercall::FpuTaskswitch, 1);
    provoke!("ud2");
    provoke!("movaps xmm0, xmm0");
    call1(Hypercall::FpuTaskswitch, 0);
    report.expect("#UD and #NM", traps::count() - before, 2);
    provoke!("movaps xmm0, xmm0");
    report.expect("no #NM without TS", traps::count() - before, 2);
}

/// Switches AVX on, as an operating system does: CR4.OSXSAVE and XCR0, both emulated.
fn enable_avx(report: &mut Report) -> bool {
    // XSAVE and AVX.
    const NEEDED: u32 = 1 << 26 | 1 << 28;
    const OSXSAVE: u64 = 1 << 18;
    if __cpuid(1).ecx & NEEDED != NEEDED {
        return false;
    }
    // SAFETY: the processor has xsave.
    unsafe {
        asm!("mov {cr4}, cr4", "or {cr4}, {osxsave}", "mov cr4, {cr4}",
             cr4 = out(reg) _, osxsave = in(reg) OSXSAVE);
    }
    report.expect("XCR0 at first", xcr0(), 3);
    // SAFETY: the processor has AVX; x87, SSE and AVX state are switched on.
    unsafe { asm!("xsetbv", in("ecx") 0, in("eax") 7, in("edx") 0) };
    true
}

fn set_mxcsr(value: u32) {
    // SAFETY: the value masks all exceptions; the test sets the reset value again.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const value) };
}

fn mxcsr() -> u32 {
    let mut value = 0u32;
    // SAFETY: stores 4 bytes into `value`.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut value) };
    value
}

extern crate alloc;
