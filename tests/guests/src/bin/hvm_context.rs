// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sethvmcontext` and `gethvmcontext`: records of a PVH domain's vcpu, what is set is what is read;
//! and the same registers by `getvcpucontext`.
#![no_std]
#![no_main]

use alloc::boxed::Box;
use alloc::vec::Vec;
use test_guests::hypercall::{at, at_mut, call1};
use test_guests::{minus, new_domain};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::domctl::{Domctl, DomctlCmd, HvmContext, MaxVcpus, VcpuContext};
use xen_abi::errno::Errno;
use xen_abi::hvm_save::{
    FPU_VALID, HvmCpu, HvmLapic, HvmLapicRegs, HvmMtrr, RecordHeader, SAVE_MAGIC, SaveHeader,
    TYPE_CPU, TYPE_END, TYPE_HEADER, TYPE_LAPIC, TYPE_LAPIC_REGS, TYPE_MTRR,
};
use xen_abi::hypercall::Hypercall;
use xen_abi::vcpu::{VGCF_ONLINE, VcpuGuestContext};
use zerocopy::{FromBytes, IntoBytes};

test_report::guest!(run);

const DOMAIN: DomId = DomId::new(9);
/// Offset of the register that holds the first value in the image of the vector state.
const XMM0: usize = 160;

fn domctl(cmd: DomctlCmd, fill: impl FnOnce(&mut Domctl) -> Option<()>) -> (i64, Domctl) {
    let mut call = Domctl::new(cmd, DOMAIN);
    let _ = fill(&mut call);
    let result = call1(Hypercall::Domctl, at_mut(&mut call));
    (result, call)
}

fn context(cmd: DomctlCmd, buffer: u64, size: usize) -> (i64, usize) {
    let payload = HvmContext { size: u32::try_from(size).unwrap_or(0), _pad: 0, buffer };
    let (result, call) = domctl(cmd, |call| call.set_payload(&payload));
    let size = call.payload::<HvmContext>().map_or(0, |answer| answer.size);
    (result, usize::try_from(size).unwrap_or(0))
}

async fn run(report: &mut Report) {
    if !minios::is_initial_domain() {
        return report.skip("only the first domain may do this");
    }
    let config = new_domain::pvh();
    let created = domctl(DomctlCmd::CreateDomain, |call| call.set_payload(&config)).0;
    if created == minus(Errno::Eopnotsupp) {
        return report.skip("there is no hardware virtualization");
    }
    report.expect("create", created, 0);
    let vcpus = MaxVcpus { max: 1 };
    report.expect("max_vcpus", domctl(DomctlCmd::MaxVcpus, |call| call.set_payload(&vcpus)).0, 0);
    let before = records(report, "no registers yet");
    let apic = local_apic(&before);
    report.row("local APIC at power-up", apic.0);
    report.row("its registers", named(&apic.1));
    report.expect("no registers yet", find(&before, TYPE_CPU).is_some(), false);
    refused(report);
    set_and_get(report);
    report.expect("destroy", domctl(DomctlCmd::DestroyDomain, |_| None).0, 0);
}

/// What there is of the domain.
fn records(report: &mut Report, name: &str) -> Vec<u8> {
    let (result, size) = context(DomctlCmd::GetHvmContext, 0, 0);
    report.expect(&alloc::format!("{name}: size"), result, 0);
    let mut records = alloc::vec![0u8; size];
    let (result, size) = context(DomctlCmd::GetHvmContext, at_bytes(&mut records), records.len());
    report.expect(&alloc::format!("{name}: records"), result, 0);
    records.truncate(size);
    let header =
        find(&records, TYPE_HEADER).and_then(|body| SaveHeader::read_from_bytes(body).ok());
    let header = header.unwrap_or_default();
    report.expect("magic", header.magic, SAVE_MAGIC);
    report.expect("version", header.version, 1);
    report.check("the rate of the TSC", header.gtsc_khz > 1000);
    records
}

fn at_bytes(bytes: &mut [u8]) -> u64 {
    bytes.as_mut_ptr().expose_provenance() as u64
}

/// The body of the first record of a type.
fn find(records: &[u8], typecode: u16) -> Option<&[u8]> {
    let mut rest = records;
    loop {
        let (header, behind) = RecordHeader::read_from_prefix(rest).ok()?;
        let length = usize::try_from(header.length).ok()?;
        if header.typecode == typecode {
            return behind.get(..length);
        }
        if header.typecode == TYPE_END {
            return None;
        }
        rest = behind.get(length..)?;
    }
}

fn refused(report: &mut Report) {
    let mut small = [0u8; 16];
    let get = |buffer, size| context(DomctlCmd::GetHvmContext, buffer, size).0;
    report.expect("a small buffer", get(at_bytes(&mut small), 16), minus(Errno::Enospc));
    report.expect("no such address", get(0xffff_8000_0000_0000, 1 << 20), minus(Errno::Efault));
    let set = |records: &[u8]| {
        let buffer = records.as_ptr().expose_provenance() as u64;
        context(DomctlCmd::SetHvmContext, buffer, records.len()).0
    };
    report.check("records that are none", set(&small) < 0);
    let mut registers = Box::new(VcpuGuestContext::default());
    let unset = vcpu_context(&mut registers);
    report.expect("getvcpucontext before", unset, minus(Errno::Enodata));
}

fn vcpu_context(registers: &mut VcpuGuestContext) -> i64 {
    let payload = VcpuContext { vcpu: 0, ctxt: at_mut(registers), ..VcpuContext::default() };
    domctl(DomctlCmd::GetVcpuContext, |call| call.set_payload(&payload)).0
}

fn push(records: &mut Vec<u8>, typecode: u16, body: &[u8]) {
    let length = u32::try_from(body.len()).unwrap_or(0);
    records.extend_from_slice(RecordHeader { typecode, instance: 0, length }.as_bytes());
    records.extend_from_slice(body);
}

/// Registers of 32-bit code, all of them with values of their own.
fn wanted() -> HvmCpu {
    const CODE: u32 = 0xc9b;
    const DATA: u32 = 0xc93;
    let mut cpu = HvmCpu {
        registers: core::array::from_fn(|number| 0x1000 + number as u64),
        rip: 0x10_0000,
        rflags: 2,
        cr0: 0x11,
        cr2: 0x2222,
        limits: [u32::MAX, u32::MAX, u32::MAX, u32::MAX, u32::MAX, u32::MAX, 0x67, 0],
        attributes: [CODE, DATA, DATA, DATA, DATA, DATA, 0x8b, 0x82],
        selectors: [8, 16, 16, 24, 32, 16, 40, 0],
        bases: [0, 0, 0, 0x5000, 0x6000, 0, 0, 0],
        gdtr_base: 0x7000,
        gdtr_limit: 47,
        idtr_base: 0x8000,
        idtr_limit: 255,
        debug: [0x1000, 0, 0, 0, 0xffff_0ff0, 0x400],
        flags: FPU_VALID,
        ..HvmCpu::default()
    };
    cpu.fpu_regs[..2].copy_from_slice(&0x027f_u16.to_le_bytes());
    cpu.fpu_regs[24..28].copy_from_slice(&0x3f80_u32.to_le_bytes());
    cpu.fpu_regs[XMM0..XMM0 + 16].fill(7);
    cpu
}

/// A local APIC in use by MSRs: one interrupt waits, one is being handled, and the timer is for a
/// time that does not come.
fn wanted_local_apic() -> (HvmLapic, HvmLapicRegs) {
    let hidden = HvmLapic {
        apic_base_msr: 0xfee0_0d00,
        disabled: 0,
        timer_divisor: 16,
        tdt_msr: u64::MAX >> 1,
    };
    let mut registers = HvmLapicRegs::default();
    for (offset, value) in [
        (0x30, 0x5_0014),
        (0x80, 0x20),
        (0xd0, 1),
        (0xe0, u32::MAX),
        (0xf0, 0x1ff),
        (0x140, 1 << 17),
        (0x210, 1 << 16),
        (0x320, 2 << 17 | 0x40),
        (0x330, 0x1_0000),
        (0x340, 0x1_0000),
        (0x350, 0x1_0000),
        (0x360, 0x1_0000),
        (0x370, 0xfe),
        (0x3e0, 3),
    ] {
        registers.registers[offset / 16][0] = value;
    }
    (hidden, registers)
}

/// The two records of the local APIC.
fn local_apic(records: &[u8]) -> (HvmLapic, HvmLapicRegs) {
    let hidden = find(records, TYPE_LAPIC).and_then(|body| HvmLapic::read_from_bytes(body).ok());
    let registers =
        find(records, TYPE_LAPIC_REGS).and_then(|body| HvmLapicRegs::read_from_bytes(body).ok());
    (hidden.unwrap_or_default(), registers.unwrap_or_default())
}

/// Registers that are not 0, by their offsets; the processor priority is made of others.
fn named(registers: &HvmLapicRegs) -> Vec<(usize, u32)> {
    const PROCESSOR_PRIORITY: usize = 0xa0;
    let all =
        registers.registers.iter().enumerate().map(|(number, [value, ..])| (number * 16, *value));
    all.filter(|(offset, value)| *value != 0 && *offset != PROCESSOR_PRIORITY).collect()
}

fn set_and_get(report: &mut Report) {
    let wanted = wanted();
    let mtrr = HvmMtrr {
        msr_pat_cr: 0x0007_0406_0007_0406,
        msr_mtrr_cap: 0x508,
        msr_mtrr_def_type: 0x806,
        ..HvmMtrr::default()
    };
    // The header is one that the hypervisor itself wrote, as toolstacks do it.
    let mut records = records(report, "before");
    let header = find(&records, TYPE_HEADER).map(<[u8]>::to_vec).unwrap_or_default();
    records.clear();
    push(&mut records, TYPE_HEADER, &header);
    push(&mut records, TYPE_CPU, wanted.as_bytes());
    let (apic, apic_registers) = wanted_local_apic();
    push(&mut records, TYPE_LAPIC, apic.as_bytes());
    push(&mut records, TYPE_LAPIC_REGS, apic_registers.as_bytes());
    push(&mut records, TYPE_MTRR, mtrr.as_bytes());
    push(&mut records, TYPE_END, &[]);
    let set = context(DomctlCmd::SetHvmContext, at(records.as_slice()), records.len()).0;
    report.expect("sethvmcontext", set, 0);
    let after = self::records(report, "after");
    let got = find(&after, TYPE_CPU).and_then(|body| HvmCpu::read_from_bytes(body).ok());
    let got = Box::new(got.unwrap_or_default());
    report.expect("registers", got.registers, wanted.registers);
    report.expect("rip, rflags", (got.rip, got.rflags), (wanted.rip, wanted.rflags));
    report.expect("control", (got.cr0, got.cr2, got.cr3, got.cr4), (0x11, 0x2222, 0, 0));
    report.expect("EFER", got.msr_efer, 0);
    report.expect("selectors", got.selectors, wanted.selectors);
    report.expect("bases", got.bases, wanted.bases);
    report.expect("limits", got.limits, wanted.limits);
    report.expect("attributes", got.attributes, wanted.attributes);
    report.expect("GDT", (got.gdtr_base, got.gdtr_limit), (0x7000, 47));
    report.expect("IDT", (got.idtr_base, got.idtr_limit), (0x8000, 255));
    report.expect("debug registers", got.debug, wanted.debug);
    report.expect("vector state is valid", got.flags, FPU_VALID);
    report.expect("control word of x87", &got.fpu_regs[..2], &wanted.fpu_regs[..2]);
    report.expect("MXCSR", &got.fpu_regs[24..28], &wanted.fpu_regs[24..28]);
    report.expect("xmm0", &got.fpu_regs[XMM0..XMM0 + 16], &[7; 16][..]);
    let types = find(&after, TYPE_MTRR).and_then(|body| HvmMtrr::read_from_bytes(body).ok());
    report.expect("memory types", types, Some(mtrr));
    let (got, got_registers) = local_apic(&after);
    report.expect("local APIC", got, apic);
    report.expect("registers of the local APIC", named(&got_registers), named(&apic_registers));
    as_vcpu_context(report);
}

fn as_vcpu_context(report: &mut Report) {
    let mut got = Box::new(VcpuGuestContext::default());
    report.expect("getvcpucontext", vcpu_context(&mut got), 0);
    let regs = &got.user_regs;
    report.expect("rip, rbx", (regs.rip, regs.rbx), (0x10_0000, 0x1001));
    report.expect("cs, ss, ds", (regs.cs, regs.ss, regs.ds), (8, 16, 16));
    report.expect("cr0, cr2", (got.ctrlreg[0], got.ctrlreg[2]), (0x11, 0x2222));
    report.expect("bases of fs and gs", (got.fs_base, got.gs_base_kernel), (0x5000, 0x6000));
    report.expect("online", got.flags & VGCF_ONLINE, VGCF_ONLINE);
}

extern crate alloc;
