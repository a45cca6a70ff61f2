// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a guest in hardware virtualization may not do, and what the hypervisor does for it: each of
//! these leaves the guest.
#![no_std]
#![no_main]

use core::arch::{asm, x86_64::__cpuid_count};
use core::sync::atomic::{AtomicU64, Ordering};

use minios::DomId;
use minios::memory::SharedPages;
use minios::trap::TrapFrame;
use test_guests::control::{cr2, cr4};
use test_guests::hypercall::{at_mut, call1, call2};
use test_guests::msr::{rdmsr, wrmsr};
use test_guests::traps::faults;
use test_guests::{minus, provoke, traps};
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::hvm::{HvmOp, HvmParam, HvmParamArg};
use xen_abi::hypercall::Hypercall;
use xen_abi::trap::{TrapFlags, VECTOR_DB, VECTOR_GP, VECTOR_PF, VECTOR_UD};

test_report::guest!(run, only_pvh = "what leaves a PVH guest; `emulation` is the same for PV");

const EFER: u32 = 0xc000_0080;
const EFER_SVME: u64 = 1 << 12;
const CR4_VMXE: u64 = 1 << 13;

async fn run(report: &mut Report) {
    traps::record(VECTOR_GP, TrapFlags::empty());
    traps::record(VECTOR_UD, TrapFlags::empty());
    traps::record(VECTOR_PF, TrapFlags::empty());
    virtualization(report);
    single_step(report);
    registers(report);
    ports(report);
    identification(report);
    parameters(report);
    other_calls(report);
}

/// A guest is no host: these do not exist for it.
fn virtualization(report: &mut Report) {
    report.expect("vmrun", faults(|| provoke!("vmrun rax"; in("rax") 0u64)), 1);
    report.expect("vmload", faults(|| provoke!("vmload rax"; in("rax") 0u64)), 1);
    report.expect("vmsave", faults(|| provoke!("vmsave rax"; in("rax") 0u64)), 1);
    report.expect("stgi", faults(|| provoke!("stgi")), 1);
    report.expect("clgi", faults(|| provoke!("clgi")), 1);
    report.expect("skinit", faults(|| provoke!("skinit eax"; in("eax") 0u32)), 1);
    report.expect(
        "invlpga",
        faults(|| provoke!("invlpga rax, ecx"; in("rax") 0u64, in("ecx") 1)),
        1,
    );
    report.expect("vmxoff", faults(|| provoke!(".byte 0x0f, 0x01, 0xc4")), 1);
    let region = 0u64;
    let at = &raw const region;
    report.expect("vmxon", faults(|| provoke!("vmxon [{at}]"; at = in(reg) at)), 1);
    report.expect("vmptrld", faults(|| provoke!("vmptrld [{at}]"; at = in(reg) at)), 1);
    report.expect("vmlaunch", faults(|| provoke!("vmlaunch")), 1);
    report.expect("vmread", faults(|| provoke!("vmread {v}, {v}"; v = inout(reg) 0u64 => _)), 1);
    report.expect(
        "invept",
        faults(|| provoke!("invept {kind}, [{at}]"; kind = in(reg) 2u64, at = in(reg) at)),
        1,
    );
    report.expect("vmfunc", faults(|| provoke!(".byte 0x0f, 0x01, 0xd4"; in("eax") 0)), 1);
    report.expect("rsm", faults(|| provoke!("rsm")), 1);
}

/// A step over an instruction that the hypervisor executes ends behind it, as over any other.
fn single_step(report: &mut Report) {
    minios::trap::set_handler(VECTOR_DB, end_step);
    let behind: u64;
    // SAFETY: the handler ends the steps; cpuid changes the registers that are named.
    unsafe {
        asm!("lea {behind}, [rip + 2f]", "pushfq", "or qword ptr [rsp], 0x100", "popfq",
            "mov {rbx}, rbx", "cpuid", "2:", "mov rbx, {rbx}", behind = out(reg) behind,
            rbx = out(reg) _, inout("eax") 0 => _, inout("ecx") 0 => _, out("edx") _);
    }
    let steps = STEPS.each_ref().map(|step| step.load(Ordering::Relaxed));
    report.equal("single steps: over mov, and cpuid", steps, [behind - 2, behind]);
    let dr6: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, dr6", out(reg) dr6) };
    report.expect("dr6 says so", dr6 & 0x4000, 0x4000);
}

/// Where the last two steps ended.
static STEPS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

/// Ends the steps at the second one.
fn end_step(frame: &mut TrapFrame) -> bool {
    const TF: u64 = 1 << 8;
    let [first, second] = &STEPS;
    if first.load(Ordering::Relaxed) == 0 {
        first.store(frame.rip, Ordering::Relaxed);
    } else {
        second.store(frame.rip, Ordering::Relaxed);
        frame.rflags &= !TF;
    }
    true
}

fn registers(report: &mut Report) {
    let efer = rdmsr(EFER).unwrap_or(0);
    report.expect("EFER: LME, LMA, not SVME", efer & (0x500 | EFER_SVME), 0x500);
    report.expect("EFER written back", wrmsr(EFER, efer), 0);
    report.expect("EFER with SVME", wrmsr(EFER, efer | EFER_SVME), 1);
    report.expect("EFER without LME", wrmsr(EFER, efer & !0x100), 1);
    report.expect("unknown register", rdmsr(0xdead), None);
    report.expect("unknown register written", wrmsr(0xdead, 0), 1);
    report.expect("VM_HSAVE_PA", rdmsr(0xc001_0117), None);
    report.expect("PAT of a kind that there is not", wrmsr(0x277, 2), 1);
    report.expect("memory types: what there is", rdmsr(0xfe), Some(0x508));
    report.expect("memory types: on, write-back", rdmsr(0x2ff), Some(0x806));
    report.expect("memory types: of a kind that there is not", wrmsr(0x2ff, 0x802), 1);
    report.expect("debug control", (rdmsr(0x1d9), wrmsr(0x1d9, 0)), (Some(0), 0));
    report.expect("no machine checks", (rdmsr(0x179), rdmsr(0x400)), (Some(0), None));
    // What Intel's processors have, some guests read without being ready for a fault.
    let intel = &__cpuid_count(0, 0).ebx.to_le_bytes() == b"Genu";
    let wanted = intel.then_some(0x1801);
    report.equal("MISC_ENABLE", rdmsr(0x1a0), wanted);
    report.expect("hypercall page 1", wrmsr(0x4000_0000, 1), 1);
    report.expect("hypercall page in a hole", wrmsr(0x4000_0000, 0xf000_0000), 1);
    let cr4 = cr4();
    let write = |value: u64| faults(|| provoke!("mov cr4, {v}"; v = in(reg) value));
    report.expect("cr4 written back", write(cr4), 0);
    report.expect("cr4 with VMXE", write(cr4 | CR4_VMXE), 1);
    report.expect("cr4 without PAE", write(cr4 & !(1 << 5)), 1);
    debug_registers(report);
}

fn debug_registers(report: &mut Report) {
    let (dr0, dr7): (u64, u64);
    report.expect("write dr0", faults(|| provoke!("mov dr0, {v}"; v = in(reg) 0x1000u64)), 0);
    // SAFETY: reading registers changes nothing.
    unsafe { asm!("mov {}, dr0", "mov {}, dr7", out(reg) dr0, out(reg) dr7) };
    report.expect("dr0", dr0, 0x1000);
    report.expect("dr7", dr7, 0x400);
    report.expect(
        "dr7, upper half",
        faults(|| provoke!("mov dr7, {v}"; v = in(reg) 1u64 << 32)),
        1,
    );
    report.expect("clear dr0", faults(|| provoke!("mov dr0, {v}"; v = in(reg) 0u64)), 0);
}

/// There are none.
fn ports(report: &mut Report) {
    let value: u32;
    // SAFETY: a PVH guest has no devices: the port reads as ones.
    unsafe { asm!("in eax, dx", in("dx") 0xcfcu16, out("eax") value) };
    report.expect("in", value, u32::MAX);
    // SAFETY: as above: what is written goes nowhere.
    unsafe { asm!("out 0x80, al", in("al") 1u8) };
    string_ports(report);
    report.expect(
        "rdpmc",
        faults(|| provoke!("rdpmc"; in("ecx") 0, out("eax") _, out("edx") _)),
        1,
    );
}

/// Repeated, in either direction, over the end of a page, and where there is no memory.
fn string_ports(report: &mut Report) {
    let Ok(pages) = SharedPages::alloc(2) else { return report.error("pages", "no memory") };
    let start = pages.address() as u64;
    let ins = |at: u64, count: u64| {
        let (mut at, mut left) = (at, count);
        let faulted = faults(|| {
            provoke!("rep insd"; in("dx") 0x1f0u16, inout("rdi") at, inout("rcx") left);
        });
        (faulted, at, left)
    };
    report.equal("rep ins", ins(start + 4090, 1020), (0, start + 8170, 0));
    let words = [4086, 4090, 8166, 8170].map(|at| pages.load_u16(at));
    report.expect("what rep ins wrote", words, [0, 0xffff, 0xffff, 0]);
    report.equal("rep ins of nothing", ins(8, 0), (0, 8, 0));
    let (mut at, mut left) = (start + 4098, 10u64);
    provoke!("std", "rep insw", "cld"; in("dx") 0x1f0u16, inout("rdi") at, inout("rcx") left);
    report.equal("downwards", (at, left), (start + 4078, 0));
    report.expect("rep ins to page 0: faults, words left", (ins(8, 3).0, ins(8, 3).2), (1, 3));
    report.expect("where", (cr2(), traps::last(VECTOR_PF).error), (8, Some(2)));
    let across = ins(0x7fff_ffff_fffc, 1).0;
    report.expect("rep ins to what is no address", across, 1);
    let outs = |at: u64| {
        faults(|| {
            provoke!("rep outsb"; in("dx") 0x80u16, inout("rsi") at => _, inout("rcx") 9000u64 => _);
        })
    };
    report.expect("rep outs", (outs(start - 1000), outs(8)), (0, 1));
}

fn identification(report: &mut Report) {
    const SVM: u32 = 1 << 2;
    report.expect("CPUID: no AMD-V", __cpuid_count(0x8000_0001, 0).ecx & SVM, 0);
    let vmx = 1 << 5;
    report.expect("CPUID: no VT-x", __cpuid_count(1, 0).ecx & vmx, 0);
    report.expect("CPUID: a hypervisor", __cpuid_count(1, 0).ecx >> 31, 1);
    let hypercalls = __cpuid_count(0x4000_0002, 0);
    report.expect("hypercall pages, their MSR", (hypercalls.eax, hypercalls.ebx), (1, 0x4000_0000));
    let ids = __cpuid_count(0x4000_0004, 0);
    report.expect("vcpu id", (ids.eax >> 3 & 1, ids.ebx), (1, 0));
}

fn param(op: HvmOp, domid: DomId, index: u32, value: u64) -> (i64, u64) {
    let mut arg = HvmParamArg { domid, _pad: 0, index, value };
    let result = call2(Hypercall::HvmOp, u64::from(op.raw()), at_mut(&mut arg));
    (result, arg.value)
}

fn parameters(report: &mut Report) {
    let own = DomId::SELF;
    let get = |wanted: HvmParam| param(HvmOp::GetParam, own, wanted.raw(), 0);
    report.expect("console ring", get(HvmParam::ConsolePfn).0, 0);
    report.expect("xenstore ring", get(HvmParam::StorePfn).0, 0);
    report.expect("identity page table", get(HvmParam::IdentPt).0, minus(Errno::Eperm));
    let beyond = param(HvmOp::GetParam, own, 1000, 0).0;
    report.expect("no such parameter", beyond, minus(Errno::Einval));
    let other = param(HvmOp::GetParam, DomId::new(0x7000), 0, 0).0;
    report.expect("no such domain", other, minus(Errno::Esrch));
    let set = |wanted: HvmParam, value| param(HvmOp::SetParam, own, wanted.raw(), value).0;
    report.expect("set console ring", set(HvmParam::ConsolePfn, 1), minus(Errno::Eperm));
    let unknown = call2(Hypercall::HvmOp, 99, 0);
    report.expect("unknown operation", unknown, minus(Errno::Enosys));
}

/// What is about page tables and descriptors is not there.
fn other_calls(report: &mut Report) {
    for call in [
        Hypercall::SetTrapTable,
        Hypercall::SetGdt,
        Hypercall::StackSwitch,
        Hypercall::SetCallbacks,
        Hypercall::UpdateDescriptor,
        Hypercall::UpdateVaMapping,
        Hypercall::SetSegmentBase,
        Hypercall::MmuUpdate,
    ] {
        report.expect(&alloc::format!("{call:?}"), call1(call, 0), minus(Errno::Enosys));
    }
}

extern crate alloc;
