// SPDX-License-Identifier: MIT OR Apache-2.0
//! Not a test: what operations cost, in ticks of the TSC, stub and loop included. Under QEMU's
//! `-icount shift=0` a tick is an instruction.
#![no_std]
#![no_main]

use core::arch::asm;
use core::arch::x86_64::{__cpuid, _rdtsc};
use minios::memory::SharedPages;
use minios::{DomId, GuestType};
use test_guests::hypercall::{at_mut, stub};
use test_guests::{own_domid, traps};
use test_report::Report;
use xen_abi::grant_table::{
    COPY_DEST_GREF, COPY_SOURCE_GREF, CopyPtr, GrantCopy, GrantRef, GrantStatus, GrantTableOp,
    MapFlags, MapGrantRef, UnmapGrantRef,
};
use xen_abi::hypercall::Hypercall;
use xen_abi::memory::{MemoryOp, MemoryReservation};
use xen_abi::mmu::{Pte, PteFlags, UVMF_INVLPG};
use xen_abi::trap::{TrapFlags, VECTOR_BP};

test_report::guest!(run);

const ROUNDS: usize = 5;
const CALLS: u64 = 1000;
/// What the entry of a page has.
const WRITABLE: PteFlags = PteFlags::PRESENT
    .union(PteFlags::WRITABLE)
    .union(PteFlags::USER)
    .union(PteFlags::ACCESSED)
    .union(PteFlags::DIRTY);

/// The median over the rounds of what one call of `operation` takes.
fn measure(report: &mut Report, name: &str, mut operation: impl FnMut()) {
    let mut rounds = [0; ROUNDS];
    operation();
    for round in &mut rounds {
        // SAFETY: reads a counter.
        let start = unsafe { _rdtsc() };
        for _ in 0..CALLS {
            operation();
        }
        // SAFETY: reads a counter.
        let end = unsafe { _rdtsc() };
        *round = (end - start) / CALLS;
    }
    rounds.sort_unstable();
    report.figure(name, rounds[ROUNDS / 2]);
}

async fn run(report: &mut Report) {
    measure(report, "null hypercall (xen_version)", || {
        stub(Hypercall::XenVersion, [0; 5]);
    });
    measure(report, "set_timer_op(0)", || {
        stub(Hypercall::SetTimerOp, [0; 5]);
    });
    identify(report);
    let me = own_domid().await;
    let (Ok(page), Ok(window)) = (SharedPages::alloc(1), SharedPages::alloc(1)) else {
        return report.error("two pages", "no memory");
    };
    // A PVH guest has exceptions, page tables and places for grants of its own.
    if minios::guest_type() == GuestType::Pv {
        bounce(report);
        update_va_mapping(report, &window);
        grant_map(report, me, &page, &window);
    }
    grant_copy(report, me, &page);
    fresh_page(report, &window);
    // The window's own frame is no longer behind it.
    core::mem::forget(window);
}

/// By the hypervisor: for PV by its prefix, for PVH because it always is.
fn identify(report: &mut Report) {
    measure(report, "CPUID by the hypervisor", || match minios::guest_type() {
        // SAFETY: changes the registers that are declared; rbx, which is reserved, is restored.
        GuestType::Pv => unsafe {
            asm!("push rbx", ".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e", "cpuid", "pop rbx",
                inout("eax") 1 => _, inout("ecx") 0 => _, out("edx") _);
        },
        GuestType::Pvh => {
            core::hint::black_box(__cpuid(1));
        }
    });
}

/// A page from the hypervisor's memory, used once and given back.
fn fresh_page(report: &mut Report, window: &SharedPages) {
    let va = window.address() as u64;
    let mut extent = window.mfn(0).get();
    let mut failed = 0;
    let mut reserve = |op: MemoryOp, extent: &mut u64| {
        let mut list = MemoryReservation {
            extent_start: at_mut(extent),
            nr_extents: 1,
            domid: DomId::SELF,
            ..Default::default()
        };
        let done = stub(Hypercall::MemoryOp, [u64::from(op.raw()), at_mut(&mut list), 0, 0, 0]);
        failed += i64::from(done != 1);
    };
    let map = |frame: Option<u64>| {
        if minios::guest_type() == GuestType::Pv {
            let entry = frame.map_or(0, |frame| frame << 12 | WRITABLE.bits());
            stub(Hypercall::UpdateVaMapping, [va, entry, UVMF_INVLPG, 0, 0]);
        }
    };
    measure(report, "fresh page fetched, touched, given back", || {
        map(None);
        reserve(MemoryOp::DecreaseReservation, &mut extent);
        extent = va >> 12;
        reserve(MemoryOp::PopulatePhysmap, &mut extent);
        map(Some(extent));
        window.store_u32(0, 1);
    });
    report.equal("pages that were not given back or fetched", failed, 0);
}

fn bounce(report: &mut Report) {
    traps::record(VECTOR_BP, TrapFlags::DPL3);
    traps::RESUME.store(0, core::sync::atomic::Ordering::Relaxed);
    measure(report, "int3 bounce and return by iretq", || {
        // SAFETY: the recording handler returns behind the instruction and keeps all registers.
        unsafe { asm!("int3") };
    });
}

fn update_va_mapping(report: &mut Report, window: &SharedPages) {
    let entry = Pte::new(window.mfn(0), WRITABLE).raw();
    let va = window.address() as u64;
    measure(report, "update_va_mapping, unmap and map", || {
        stub(Hypercall::UpdateVaMapping, [va, 0, UVMF_INVLPG, 0, 0]);
        stub(Hypercall::UpdateVaMapping, [va, entry, UVMF_INVLPG, 0, 0]);
    });
}

fn grant_map(report: &mut Report, me: DomId, page: &SharedPages, window: &SharedPages) {
    let Ok(grant) = minios::grant_table::grant_access(me, page, 0, false) else {
        return report.error("a grant", "refused");
    };
    let host_addr = window.address() as u64;
    let mut map = MapGrantRef {
        host_addr,
        flags: MapFlags::HOST_MAP,
        grant_ref: grant.reference(),
        dom: me,
        ..Default::default()
    };
    let mut worst = 0;
    measure(report, "grant map and unmap", || {
        let op = u64::from(GrantTableOp::MapGrantRef.raw());
        stub(Hypercall::GrantTableOp, [op, at_mut(&mut map), 1, 0, 0]);
        let mut unmap = UnmapGrantRef { host_addr, handle: map.handle, ..Default::default() };
        let op = u64::from(GrantTableOp::UnmapGrantRef.raw());
        stub(Hypercall::GrantTableOp, [op, at_mut(&mut unmap), 1, 0, 0]);
        worst = map.status.get().min(unmap.status.get()).min(worst);
    });
    report.equal("every map and unmap succeeded", worst, 0);
}

fn grant_copy(report: &mut Report, me: DomId, page: &SharedPages) {
    let Ok(other) = SharedPages::alloc(1) else { return report.error("a page", "no memory") };
    let (Ok(source), Ok(dest)) = (
        minios::grant_table::grant_access(me, page, 0, false),
        minios::grant_table::grant_access(me, &other, 0, false),
    ) else {
        return report.error("two grants", "refused");
    };
    let end = |grant: GrantRef| CopyPtr {
        ref_or_gmfn: u64::from(grant.get()),
        domid: me,
        ..Default::default()
    };
    let mut copy = GrantCopy {
        source: end(source.reference()),
        dest: end(dest.reference()),
        flags: COPY_SOURCE_GREF | COPY_DEST_GREF,
        ..Default::default()
    };
    let op = u64::from(GrantTableOp::Copy.raw());
    // The second is the call without the loop that copies.
    for (name, len) in [("grant copy of 4 KiB", 4096), ("grant copy of 8 bytes", 8)] {
        copy.len = len;
        measure(report, name, || {
            stub(Hypercall::GrantTableOp, [op, at_mut(&mut copy), 1, 0, 0]);
        });
        report.equal("every copy succeeded", copy.status, GrantStatus::OKAY);
    }
}
