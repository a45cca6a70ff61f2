// SPDX-License-Identifier: MIT OR Apache-2.0
//! `memory_op`: give pages back and get others, exchange, sizes, and each class of bad argument.
#![no_std]
#![no_main]

use minios::GuestType;
use minios::memory::SharedPages;
use test_guests::hypercall::{at_mut, call2};
use test_guests::{addresses, word};
use test_guests::{minus, pv_or_pvh};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::memory::{
    AddToPhysmap, DomainArg, Exchange, MachphysMapping, MemoryOp, MemoryReservation,
};
use xen_abi::mmu::M2P_VIRT_START;

test_report::guest!(run);

fn op<T>(op: MemoryOp, arg: &mut T) -> i64 {
    call2(Hypercall::MemoryOp, u64::from(op.raw()), at_mut(arg))
}

async fn run(report: &mut Report) {
    sizes(report);
    reservation(report);
    bad_reservations(report);
    exchange(report);
    if minios::guest_type() == GuestType::Pv {
        machine_frames(report);
        physmap(report);
    }
    report.expect("unknown", call2(Hypercall::MemoryOp, 60, 0), minus(Errno::Enosys));
}

fn sizes(report: &mut Report) {
    let pages = minios::start_info().nr_pages.cast_signed();
    let mut this = DomainArg { domid: DomId::SELF };
    let current = op(MemoryOp::CurrentReservation, &mut this);
    // A PVH guest also has the pages of its rings.
    report.equal("current_reservation", pv_or_pvh(current, current.min(pages)), pages);
    let most = op(MemoryOp::MaximumReservation, &mut this);
    report.check("maximum_reservation", most >= pages);
    let mut absent = DomainArg { domid: DomId::new(0x7000) };
    let result = op(MemoryOp::CurrentReservation, &mut absent);
    report.expect("current_reservation, no such domain", result, minus(Errno::Esrch));
    let top = call2(Hypercall::MemoryOp, u64::from(MemoryOp::MaximumRamPage.raw()), 0);
    report.check("maximum_ram_page", top > pages);
}

fn machine_frames(report: &mut Report) {
    let mut mapping = MachphysMapping::default();
    report.expect("machphys_mapping", op(MemoryOp::MachphysMapping, &mut mapping), 0);
    report.expect("m2p start", mapping.v_start, M2P_VIRT_START);
    for (class, address) in addresses::BAD {
        let mapping = u64::from(MemoryOp::MachphysMapping.raw());
        let result = call2(Hypercall::MemoryOp, mapping, address);
        report.expect(class, result, minus(Errno::Efault));
    }
}

/// A page of ours is given back, which nothing may map any longer when another one takes its place.
fn reservation(report: &mut Report) {
    let Ok(page) = SharedPages::alloc(1) else { return report.error("a page", "no memory") };
    let (va, mut frame) = (page.address() as u64, page.mfn(0));
    let pfn = va >> 12;
    let mut list = MemoryReservation {
        extent_start: at_mut(&mut frame),
        nr_extents: 1,
        domid: DomId::SELF,
        ..Default::default()
    };
    report.expect("decrease_reservation", op(MemoryOp::DecreaseReservation, &mut list), 1);
    if minios::guest_type() == GuestType::Pv {
        // The page was mapped: it is free when the last mapping goes.
        let unmap = [va, 0, 2, 0, 0];
        report.equal("unmap", test_guests::hypercall::call(Hypercall::UpdateVaMapping, unmap), 0);
    }
    report.expect("and again", op(MemoryOp::DecreaseReservation, &mut list), 0);
    let mut slot = pfn;
    list.extent_start = at_mut(&mut slot);
    report.expect("populate_physmap", op(MemoryOp::PopulatePhysmap, &mut list), 1);
    if minios::guest_type() == GuestType::Pv {
        let back = word(M2P_VIRT_START + slot * 8);
        report.equal("its m2p entry", back, pfn);
        let remap = [va, slot << 12 | 0x67, 2, 0, 0];
        report.equal("map it", test_guests::hypercall::call(Hypercall::UpdateVaMapping, remap), 0);
    }
    page.write(0, b"new page");
    // The p2m list still has the old frame: this page is never used again.
    core::mem::forget(page);
}

fn bad_reservations(report: &mut Report) {
    let mut frame = 0u64;
    let good = MemoryReservation {
        extent_start: at_mut(&mut frame),
        nr_extents: 1,
        domid: DomId::SELF,
        ..Default::default()
    };
    let cases = [
        ("huge order", MemoryReservation { extent_order: 40, ..good }),
        ("huge count", MemoryReservation { nr_extents: u64::MAX, ..good }),
        ("no such domain", MemoryReservation { domid: DomId::new(0x7000), ..good }),
        ("bad list", MemoryReservation { extent_start: addresses::UNMAPPED, ..good }),
        ("list in Xen", MemoryReservation { extent_start: addresses::HYPERVISOR, ..good }),
    ];
    for (class, reservation) in cases {
        for which in [MemoryOp::DecreaseReservation, MemoryOp::PopulatePhysmap] {
            let name = alloc::format!("{which:?}, {class}");
            let mut reservation = reservation;
            let result = op(which, &mut reservation);
            report.row(&name, result);
            report.check(&name, result <= 0);
        }
    }
}

fn exchange(report: &mut Report) {
    let mut frames = [0u64; 2];
    let half = |start: &mut [u64], nr_extents, extent_order| MemoryReservation {
        extent_start: at_mut(start),
        nr_extents,
        extent_order,
        domid: DomId::SELF,
        ..Default::default()
    };
    let input = half(&mut frames, 1, 0);
    let mut unequal = Exchange { input, output: half(&mut [0, 0], 2, 0), nr_exchanged: 0 };
    let result = op(MemoryOp::Exchange, &mut unequal);
    report.expect("exchange of unequal sizes", result, minus(Errno::Einval));
    // XSA-29 and XSA-212: an output list in the hypervisor.
    let output = MemoryReservation { extent_start: addresses::HYPERVISOR, ..input };
    let mut into_xen = Exchange { input, output, nr_exchanged: 0 };
    let result = op(MemoryOp::Exchange, &mut into_xen);
    let refused = pv_or_pvh(Errno::Efault, Errno::Eopnotsupp);
    report.expect("exchange into Xen", result, minus(refused));
    let mut done = Exchange { input, output: input, nr_exchanged: 5 };
    let result = op(MemoryOp::Exchange, &mut done);
    report.expect("exchange, more done than asked", result, minus(Errno::Einval));
}

fn physmap(report: &mut Report) {
    let mut arg = AddToPhysmap { domid: DomId::SELF, ..Default::default() };
    report.row("add_to_physmap of a PV domain", op(MemoryOp::AddToPhysmap, &mut arg));
}

extern crate alloc;
