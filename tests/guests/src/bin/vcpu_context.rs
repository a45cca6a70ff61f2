// SPDX-License-Identifier: MIT OR Apache-2.0
//! `setvcpucontext` and `getvcpucontext`: what is set is what is read, with vector state, debug
//! registers and an LDT.
#![no_std]
#![no_main]

use alloc::boxed::Box;
use test_guests::hypercall::{at, at_mut, call, call1, call2};
use test_guests::{minus, new_domain};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::domctl::{Domctl, DomctlCmd, MaxMem, MaxVcpus, VcpuContext};
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::memory::{MemoryOp, MemoryReservation};
use xen_abi::mmu::MmuUpdate;
use xen_abi::vcpu::{VGCF_I387_VALID, VGCF_IN_KERNEL, VGCF_ONLINE, VcpuGuestContext};

test_report::guest!(run);

const DOMAIN: DomId = DomId::new(9);
/// L4, L3, L2, L1, and the page of the LDT.
const FRAMES: usize = 5;
/// A data segment of ring 3 over all of memory.
const DATA: u64 = 0x00cf_f300_0000_ffff;
const READ_ONLY: u64 = 5;
const TABLE: u64 = 7;
const HYPERVISOR: u64 = 0xffff_82d0_4000_0000;
/// Offsets in the image of the vector state.
const MXCSR: usize = 24;
const XMM0: usize = 160;

fn domctl(cmd: DomctlCmd, fill: impl FnOnce(&mut Domctl) -> Option<()>) -> i64 {
    let mut call = Domctl::new(cmd, DOMAIN);
    let _ = fill(&mut call);
    call1(Hypercall::Domctl, at_mut(&mut call))
}

fn context(cmd: DomctlCmd, context: &mut VcpuGuestContext) -> i64 {
    let payload = VcpuContext { vcpu: 0, ctxt: at_mut(context), ..VcpuContext::default() };
    domctl(cmd, |call| call.set_payload(&payload))
}

async fn run(report: &mut Report) {
    if !minios::is_initial_domain() {
        return report.skip("only the first domain may do this");
    }
    let config = new_domain::pv();
    report.expect("create", domctl(DomctlCmd::CreateDomain, |call| call.set_payload(&config)), 0);
    report.expect(
        "max_vcpus",
        domctl(DomctlCmd::MaxVcpus, |call| call.set_payload(&MaxVcpus { max: 1 })),
        0,
    );
    report.expect(
        "max_mem",
        domctl(DomctlCmd::MaxMem, |call| call.set_payload(&MaxMem { max_memkb: 1024 })),
        0,
    );
    let mut nothing = Box::new(VcpuGuestContext::default());
    let unset = context(DomctlCmd::GetVcpuContext, &mut nothing);
    report.expect("none was set", unset, minus(Errno::Enodata));
    let frames = page_tables(report);
    contexts(report, frames);
    report.expect("destroy", domctl(DomctlCmd::DestroyDomain, |_| None), 0);
}

/// Gives the domain frames, of which four are page tables that map the fifth at address 0.
fn page_tables(report: &mut Report) -> [u64; FRAMES] {
    let mut frames: [u64; FRAMES] = [0, 1, 2, 3, 4];
    let reservation = MemoryReservation {
        extent_start: at_mut(&mut frames),
        nr_extents: FRAMES as u64,
        domid: DOMAIN,
        ..MemoryReservation::default()
    };
    let populate = u64::from(MemoryOp::PopulatePhysmap.raw());
    let got = call2(Hypercall::MemoryOp, populate, at(&reservation));
    report.expect("populate_physmap", got, FRAMES as i64);
    let [l4, l3, l2, l1, ldt] = frames;
    for (frame, value) in [
        (l4, l3 << 12 | TABLE),
        (l3, l2 << 12 | TABLE),
        (l2, l1 << 12 | TABLE),
        (l1, ldt << 12 | READ_ONLY),
        (ldt, DATA),
    ] {
        let owner = u64::from(DOMAIN.get());
        let update = MmuUpdate { ptr: frame << 12, val: value };
        let result = call(Hypercall::MmuUpdate, [at(&update), 1, 0, (owner + 1) << 16 | owner, 0]);
        report.expect("a word of its memory", result, 0);
    }
    frames
}

fn contexts(report: &mut Report, frames: [u64; FRAMES]) {
    let mut wanted = Box::new(VcpuGuestContext {
        flags: VGCF_IN_KERNEL | VGCF_I387_VALID,
        ldt_ents: 1,
        ..VcpuGuestContext::default()
    });
    wanted.ctrlreg[3] = frames[0] << 12;
    wanted.user_regs.rip = 0x1000;
    wanted.user_regs.rbx = 0x1234;
    wanted.fpu_ctxt[0..2].copy_from_slice(&0x027f_u16.to_le_bytes());
    wanted.fpu_ctxt[MXCSR..MXCSR + 4].copy_from_slice(&0x3f80_u32.to_le_bytes());
    for (register, bytes) in (1u8..).zip(wanted.fpu_ctxt[XMM0..XMM0 + 256].chunks_mut(16)) {
        bytes.fill(register);
    }
    wanted.debugreg = [0x5000, HYPERVISOR, 0x6000, 0, 0, 0, 0, 0x1];
    for (name, base, entries) in [("a crooked LDT", 8, 1), ("a long LDT", 0, 8193)] {
        (wanted.ldt_base, wanted.ldt_ents) = (base, entries);
        report.expect(name, context(DomctlCmd::SetVcpuContext, &mut wanted), minus(Errno::Einval));
    }
    (wanted.ldt_base, wanted.ldt_ents) = (0, 1);
    report.expect("setvcpucontext", context(DomctlCmd::SetVcpuContext, &mut wanted), 0);
    let mut got = Box::new(VcpuGuestContext::default());
    report.expect("getvcpucontext", context(DomctlCmd::GetVcpuContext, &mut got), 0);
    report.expect("flags", got.flags & !VGCF_ONLINE, wanted.flags);
    report.expect("rip, rbx", (got.user_regs.rip, got.user_regs.rbx), (0x1000, 0x1234));
    report.expect("LDT", (got.ldt_base, got.ldt_ents), (0, 1));
    report.expect("control word of x87", &got.fpu_ctxt[..2], &wanted.fpu_ctxt[..2]);
    report.expect("MXCSR", &got.fpu_ctxt[MXCSR..MXCSR + 4], &wanted.fpu_ctxt[MXCSR..MXCSR + 4]);
    let xmm = XMM0..XMM0 + 256;
    report.check("xmm registers", got.fpu_ctxt[xmm.clone()] == wanted.fpu_ctxt[xmm]);
    report.expect("breakpoints", &got.debugreg[..4], &[0x5000, 0, 0x6000, 0]);
    report.expect("debug control", got.debugreg[7], 0x401);
    report.check("root", got.ctrlreg[3] == wanted.ctrlreg[3]);
}

extern crate alloc;
