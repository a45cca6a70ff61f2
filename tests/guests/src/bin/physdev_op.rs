// SPDX-License-Identifier: MIT OR Apache-2.0
//! `physdev_op`: I/O privilege, lines and messages of devices, and what is refused.
#![no_std]
#![no_main]

use test_guests::hypercall::{at_mut, call2};
use test_guests::{minus, pv_or_pvh};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::physdev::{
    Eoi, IrqStatusQuery, MapPirq, MapPirqType, PhysdevOp, SetIobitmap, SetIopl, SetupGsi, UnmapPirq,
};

test_report::guest!(run);

fn op<T>(op: PhysdevOp, argument: &mut T) -> i64 {
    call2(Hypercall::PhysdevOp, u64::from(op.raw()), at_mut(argument))
}

async fn run(report: &mut Report) {
    privilege(report);
    report.expect("unknown command", call2(Hypercall::PhysdevOp, 99, 8), minus(Errno::Enosys));
    for irq in [1, 9999] {
        let mut query = IrqStatusQuery { irq, flags: 0 };
        report.row(
            &alloc::format!("irq_status_query {irq}"),
            op(PhysdevOp::IrqStatusQuery, &mut query),
        );
    }
    report.row("eoi of no interrupt", op(PhysdevOp::Eoi, &mut Eoi { irq: 9999 }));
    if minios::is_initial_domain() {
        lines(report);
    }
    messages(report);
}

/// I/O privilege is an affair of ring 3: a PVH guest has it anyway.
fn privilege(report: &mut Report) {
    let want = |pv| pv_or_pvh(pv, minus(Errno::Enosys));
    for iopl in [1, 3, 0, 4, u32::MAX] {
        let result = op(PhysdevOp::SetIopl, &mut SetIopl { iopl });
        let pv = if iopl > 3 { minus(Errno::Einval) } else { 0 };
        report.expect(&alloc::format!("set_iopl {iopl}"), result, want(pv));
    }
    for nr_ports in [0, 65_536, 65_537] {
        let result =
            op(PhysdevOp::SetIobitmap, &mut SetIobitmap { nr_ports, ..Default::default() });
        let pv = if nr_ports > 65_536 { minus(Errno::Einval) } else { 0 };
        report.expect(&alloc::format!("set_iobitmap {nr_ports}"), result, want(pv));
    }
    let bad = call2(Hypercall::PhysdevOp, u64::from(PhysdevOp::SetIopl.raw()), 8);
    report.expect("bad pointer", bad, want(minus(Errno::Efault)));
}

fn map(kind: MapPirqType, index: i32, change: impl FnOnce(&mut MapPirq)) -> i64 {
    let mut request =
        MapPirq { domid: DomId::SELF, kind: kind.raw(), index, pirq: -1, ..Default::default() };
    change(&mut request);
    op(PhysdevOp::MapPirq, &mut request)
}

fn lines(report: &mut Report) {
    let mut setup = SetupGsi { gsi: 11, triggering: 1, polarity: 1, _pad: 0 };
    report.expect("setup_gsi 11", op(PhysdevOp::SetupGsi, &mut setup), 0);
    report.expect("map line 11", map(MapPirqType::Gsi, 11, |_| {}), 0);
    report.row("map line -1", map(MapPirqType::Gsi, -1, |_| {}));
    report.expect("map line 99999", map(MapPirqType::Gsi, 99_999, |_| {}), minus(Errno::Einval));
    let nobody = map(MapPirqType::Gsi, 11, |request| request.domid = DomId::new(700));
    report.expect("map for nobody", nobody, minus(Errno::Esrch));
    let mut unmap = UnmapPirq { domid: DomId::SELF, _pad: 0, pirq: 99_999 };
    report.row("unmap a wild pirq", op(PhysdevOp::UnmapPirq, &mut unmap));
}

fn messages(report: &mut Report) {
    let absent = map(MapPirqType::Msi, -1, |request| {
        request.bus = 0;
        request.devfn = 0xf8;
        request.table_base = 0xfebd_0000;
    });
    report.row("message of no device", absent);
    report.row("unknown kind", map(MapPirqType::Unknown, 0, |_| {}));
}

extern crate alloc;
