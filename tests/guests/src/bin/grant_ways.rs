// SPDX-License-Identifier: MIT OR Apache-2.0
//! Grants mapped in more than one way: for devices, several times, many at once; and copies by
//! frame. After it a hypervisor that can audit itself must agree with its books.
#![no_std]
#![no_main]

use minios::GuestType;
use minios::memory::SharedPages;
use test_guests::hypercall::{at_mut, call3};
use test_guests::minus;
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::grant_table::{
    COPY_SOURCE_GREF, CopyPtr, GrantCopy, GrantHandle, GrantRef, GrantStatus, GrantTableOp,
    MapFlags, MapGrantRef, QuerySize, SetupTable, SwapGrantRef, UnmapGrantRef,
};
use xen_abi::hypercall::Hypercall;

test_report::guest!(run);

/// Stands for a call that failed as a whole.
const FAILED: GrantStatus = GrantStatus::new(0x7fff);

fn call<T: ?Sized>(op: GrantTableOp, elements: &mut T, count: u64) -> i64 {
    call3(Hypercall::GrantTableOp, u64::from(op.raw()), at_mut(elements), count)
}

async fn run(report: &mut Report) {
    let me = test_guests::own_domid().await;
    if minios::guest_type() == GuestType::Pv {
        for_devices(report, me);
    }
    many(report, me);
    copy_by_frame(report, me);
    table(report);
    if minios::is_initial_domain() {
        match minios::hypercall::audit::audit() {
            Ok(differences) => report.check("the books agree", differences == 0),
            Err(error) => report.check("no audit", error == Errno::Enosys),
        }
    }
}

fn map(host_addr: u64, grant: GrantRef, dom: DomId, flags: MapFlags) -> MapGrantRef {
    let mut one = MapGrantRef { host_addr, grant_ref: grant, dom, flags, ..Default::default() };
    if call(GrantTableOp::MapGrantRef, &mut one, 1) != 0 {
        one.status = FAILED;
    }
    one
}

fn unmap(host_addr: u64, dev_bus_addr: u64, handle: GrantHandle) -> GrantStatus {
    let mut one = UnmapGrantRef { host_addr, dev_bus_addr, handle, ..Default::default() };
    match call(GrantTableOp::UnmapGrantRef, &mut one, 1) {
        0 => one.status,
        _ => FAILED,
    }
}

fn for_devices(report: &mut Report, me: DomId) {
    let (Ok(page), Ok(window)) = (SharedPages::alloc(1), SharedPages::alloc(1)) else {
        return report.error("two pages", "no memory");
    };
    let Ok(grant) = minios::grant_table::grant_access(me, &page, 0, false) else {
        return report.error("a grant", "refused");
    };
    let reference = grant.reference();
    let bus = page.mfn(0).get() << 12;
    let device = map(0, reference, me, MapFlags::DEVICE_MAP);
    report.expect("map for devices", device.status, GrantStatus::OKAY);
    report.check("its address", device.dev_bus_addr == bus);
    let wrong = unmap(0, bus + 4096, device.handle);
    report.expect("unmap, wrong address", wrong, GrantStatus::BAD_DEV_ADDR);
    report.expect("unmap nothing of it", unmap(0, 0, device.handle), GrantStatus::OKAY);
    report.expect("unmap for devices", unmap(0, bus, device.handle), GrantStatus::OKAY);
    report.expect("unmap twice", unmap(0, bus, device.handle), GrantStatus::BAD_HANDLE);
    let address = window.address() as u64;
    let both = map(address, reference, me, MapFlags::DEVICE_MAP | MapFlags::HOST_MAP);
    report.expect("map both ways", both.status, GrantStatus::OKAY);
    report.expect("unmap one way", unmap(address, 0, both.handle), GrantStatus::OKAY);
    let Err(grant) = grant.end() else {
        return report.error("the grant", "ended while mapped");
    };
    report.expect("unmap the other way", unmap(address, bus, both.handle), GrantStatus::OKAY);
    report.check("the grant can be ended", grant.end().is_ok());
    core::mem::forget(window);
}

/// More elements than hv handles at once, read-only and writable mappings of one grant.
fn many(report: &mut Report, me: DomId) {
    const COUNT: usize = 200;
    let (Ok(page), Ok(windows)) = (SharedPages::alloc(1), SharedPages::alloc(COUNT)) else {
        return report.error("pages", "no memory");
    };
    let Ok(grant) = minios::grant_table::grant_access(me, &page, 0, false) else {
        return report.error("a grant", "refused");
    };
    let start = windows.address() as u64;
    let mut maps = [MapGrantRef::default(); COUNT];
    for (index, one) in maps.iter_mut().enumerate() {
        let readonly = if index % 2 == 0 { MapFlags::READONLY } else { MapFlags::empty() };
        one.host_addr = start + 4096 * index as u64;
        one.grant_ref = grant.reference();
        one.dom = me;
        one.flags = MapFlags::HOST_MAP | readonly;
    }
    let result = call(GrantTableOp::MapGrantRef, &mut maps, COUNT as u64);
    report.expect("map 200", result, 0);
    report.check("all of them", maps.iter().all(|one| one.status == GrantStatus::OKAY));
    let mut unmaps = [UnmapGrantRef::default(); COUNT];
    for (one, map) in unmaps.iter_mut().zip(&maps) {
        one.host_addr = map.host_addr;
        one.handle = map.handle;
    }
    let result = call(GrantTableOp::UnmapGrantRef, &mut unmaps, COUNT as u64);
    report.expect("unmap 200", result, 0);
    report.check("all unmapped", unmaps.iter().all(|one| one.status == GrantStatus::OKAY));
    report.check("the grant can be ended", grant.end().is_ok());
    let negative = call(GrantTableOp::MapGrantRef, &mut maps, 1 << 31);
    report.expect("a negative count", negative, minus(Errno::Einval));
    // In a PVH guest both the page and what was in the windows are gone.
    core::mem::forget((page, windows));
}

fn copy_by_frame(report: &mut Report, me: DomId) {
    let (Ok(from), Ok(to)) = (SharedPages::alloc(1), SharedPages::alloc(1)) else {
        return report.error("two pages", "no memory");
    };
    from.write(0, b"by frame");
    let frame = |pages: &SharedPages, domid| CopyPtr {
        ref_or_gmfn: pages.mfn(0).get(),
        domid,
        ..Default::default()
    };
    let run = |source, dest, flags| {
        let mut one = GrantCopy { source, dest, len: 8, flags, ..Default::default() };
        if call(GrantTableOp::Copy, &mut one, 1) == 0 { one.status } else { FAILED }
    };
    let own = DomId::SELF;
    report.expect("copy", run(frame(&from, own), frame(&to, own), 0), GrantStatus::OKAY);
    let mut seen = [0; 8];
    to.read(0, &mut seen);
    report.equal("what was copied", &seen, b"by frame");
    let foreign = run(frame(&from, DomId::new(700)), frame(&to, own), 0);
    report.expect("a frame of nobody", foreign, GrantStatus::BAD_DOMAIN);
    let by_number = run(frame(&from, me), frame(&to, own), 0);
    report.expect("by one's number", by_number, GrantStatus::PERMISSION_DENIED);
    let nobody = run(frame(&from, DomId::new(700)), frame(&to, own), COPY_SOURCE_GREF);
    report.expect("a grant of nobody", nobody, GrantStatus::BAD_DOMAIN);
    for (name, number) in [("frame 0", 0), ("no such frame", 1 << 40)] {
        let source = CopyPtr { ref_or_gmfn: number, domid: own, ..Default::default() };
        report.row(name, run(source, frame(&to, own), 0));
        report.row(&alloc::format!("into {name}"), run(frame(&from, own), source, 0));
    }
}

fn table(report: &mut Report) {
    let mut size = QuerySize { dom: DomId::SELF, ..Default::default() };
    report.expect("query_size", call(GrantTableOp::QuerySize, &mut size, 1), 0);
    report.expect(
        "query_size of two",
        call(GrantTableOp::QuerySize, &mut size, 2),
        minus(Errno::Einval),
    );
    let mut frames = [0_u64; 8];
    let mut setup = SetupTable {
        dom: DomId::SELF,
        nr_frames: size.max_nr_frames + 1,
        frame_list: at_mut(&mut frames),
        ..Default::default()
    };
    report.expect("too many frames", call(GrantTableOp::SetupTable, &mut setup, 1), 0);
    report.row("its status", setup.status);
    setup.dom = DomId::new(700);
    setup.nr_frames = 1;
    report.expect("setup for nobody", call(GrantTableOp::SetupTable, &mut setup, 1), 0);
    report.expect("status of nobody", setup.status, GrantStatus::BAD_DOMAIN);
    for (name, ref_a, ref_b) in [("swap", 100, 101), ("swap with a wild one", 100, 1 << 20)] {
        let (ref_a, ref_b) = (GrantRef::new(ref_a), GrantRef::new(ref_b));
        let mut swap = SwapGrantRef { ref_a, ref_b, ..Default::default() };
        report.expect(name, call(GrantTableOp::SwapGrantRef, &mut swap, 1), 0);
        report.row(&alloc::format!("{name}: status"), swap.status);
    }
}

extern crate alloc;
