// SPDX-License-Identifier: MIT OR Apache-2.0
//! Grants: map, unmap, copy, revocation and every class of wrong argument, all within one domain.
#![no_std]
#![no_main]

use minios::memory::SharedPages;
use test_guests::hypercall::{at, at_mut, call3};
use test_guests::{minus, pv_or_pvh, refuses_bad_pointers};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::grant_table::{
    COPY_DEST_GREF, COPY_SOURCE_GREF, CopyPtr, GetVersion, GrantCopy, GrantHandle, GrantRef,
    GrantStatus, GrantTableOp, MapFlags, MapGrantRef, QuerySize, SetVersion, UnmapGrantRef,
};
use xen_abi::hypercall::Hypercall;

test_report::guest!(run);

fn op<T>(op: GrantTableOp, arg: &mut T) -> i64 {
    call3(Hypercall::GrantTableOp, u64::from(op.raw()), at_mut(arg), 1)
}

async fn run(report: &mut Report) {
    let me = test_guests::own_domid().await;
    map_and_unmap(report, me);
    copy(report, me);
    versions(report);
    let unknown = call3(Hypercall::GrantTableOp, 99, at(&0u64), 1);
    report.expect("unknown operation", unknown, minus(Errno::Enosys));
    for which in [GrantTableOp::MapGrantRef, GrantTableOp::UnmapGrantRef, GrantTableOp::Copy] {
        refuses_bad_pointers(report, &alloc::format!("{which:?}"), |address| {
            call3(Hypercall::GrantTableOp, u64::from(which.raw()), address, 1)
        });
    }
}

fn map(host_addr: u64, grant_ref: u32, dom: DomId, flags: MapFlags) -> (GrantStatus, GrantHandle) {
    let grant_ref = GrantRef::new(grant_ref);
    let mut arg = MapGrantRef { host_addr, grant_ref, dom, flags, ..Default::default() };
    let result = op(GrantTableOp::MapGrantRef, &mut arg);
    if result == 0 { (arg.status, arg.handle) } else { (GrantStatus::new(0x7fff), arg.handle) }
}

fn unmap(host_addr: u64, handle: GrantHandle) -> GrantStatus {
    let mut arg = UnmapGrantRef { host_addr, handle, ..Default::default() };
    match op(GrantTableOp::UnmapGrantRef, &mut arg) {
        0 => arg.status,
        _ => GrantStatus::new(0x7fff),
    }
}

/// A page granted to ourselves, mapped a second time over another page of ours.
fn map_and_unmap(report: &mut Report, me: DomId) {
    let [Ok(page), Ok(window), Ok(other)] = [(); 3].map(|()| SharedPages::alloc(1)) else {
        return report.error("three pages", "no memory");
    };
    page.write(0, b"granted");
    let Ok(grant) = minios::grant_table::grant_access(me, &page, 0, false) else {
        return report.error("a grant", "refused");
    };
    let reference = grant.reference().get();
    let address = window.address() as u64;
    let (status, handle) = map(address, reference, me, MapFlags::HOST_MAP);
    report.expect("map", status, GrantStatus::OKAY);
    let mut seen = [0; 7];
    window.read(0, &mut seen);
    report.equal("the page is seen through the mapping", &seen, b"granted");
    let Err(grant) = grant.end() else {
        return report.error("the grant", "ended while mapped");
    };
    let wrong = unmap(address, GrantHandle::new(handle.get() ^ 0x55));
    report.expect("unmap, bad handle", wrong, GrantStatus::BAD_HANDLE);
    let elsewhere = unmap(other.address() as u64, handle);
    report.expect("unmap elsewhere", elsewhere, GrantStatus::GENERAL_ERROR);
    report.expect("unmap", unmap(address, handle), GrantStatus::OKAY);
    report.expect("unmap twice", unmap(address, handle), GrantStatus::BAD_HANDLE);
    wrong_maps(report, me, reference, address);
    report.check("an unmapped grant can be ended", grant.end().is_ok());
    // The window's own frame is gone from its place, and in a PVH guest the page's too: it was in
    // that of the window. Never use them again.
    core::mem::forget((page, window));
}

fn wrong_maps(report: &mut Report, me: DomId, reference: u32, address: u64) {
    let host = MapFlags::HOST_MAP;
    let absent = DomId::new(0x7000);
    report.expect(
        "map, no such domain",
        map(address, reference, absent, host).0,
        GrantStatus::BAD_DOMAIN,
    );
    report.expect("map, unused ref", map(address, 500, me, host).0, GrantStatus::GENERAL_ERROR);
    report.expect("map, wild ref", map(address, u32::MAX, me, host).0, GrantStatus::BAD_GNTREF);
    let nothing = map(address, reference, me, MapFlags::empty()).0;
    report.expect("map, no flags", nothing, GrantStatus::BAD_GNTREF);
    // A PVH guest names a physical address.
    let refused = pv_or_pvh(GrantStatus::GENERAL_ERROR, GrantStatus::BAD_PAGE);
    let nowhere = map(0x7f00_0000_0000, reference, me, host).0;
    report.expect("map where no table is", nowhere, refused);
    let xen = map(0xffff_8300_0000_0000, reference, me, host).0;
    report.expect("map in Xen's range", xen, refused);
}

fn copy(report: &mut Report, me: DomId) {
    let (Ok(from), Ok(to)) = (SharedPages::alloc(1), SharedPages::alloc(1)) else {
        return report.error("two pages", "no memory");
    };
    from.write(100, b"copied");
    let (Ok(source), Ok(dest)) = (
        minios::grant_table::grant_access(me, &from, 0, true),
        minios::grant_table::grant_access(me, &to, 0, false),
    ) else {
        return report.error("two grants", "refused");
    };
    let end = |grant: GrantRef, offset| CopyPtr {
        ref_or_gmfn: u64::from(grant.get()),
        domid: me,
        offset,
        ..Default::default()
    };
    let both = COPY_SOURCE_GREF | COPY_DEST_GREF;
    let run = |source, dest, len, flags| {
        let mut arg = GrantCopy { source, dest, len, flags, ..Default::default() };
        if op(GrantTableOp::Copy, &mut arg) == 0 { arg.status } else { GrantStatus::new(0x7fff) }
    };
    let (s, d) = (source.reference(), dest.reference());
    report.expect("copy", run(end(s, 100), end(d, 200), 6, both), GrantStatus::OKAY);
    report.expect("copy of nothing", run(end(s, 0), end(d, 0), 0, both), GrantStatus::OKAY);
    let over = run(end(s, 4000), end(d, 0), 200, both);
    report.expect("copy over the page's end", over, GrantStatus::BAD_COPY_ARG);
    let read_only = run(end(d, 0), end(s, 0), 8, both);
    report.expect("copy into a read-only grant", read_only, GrantStatus::GENERAL_ERROR);
    let unused = run(end(GrantRef::new(500), 0), end(d, 0), 8, both);
    report.expect("copy from an unused ref", unused, GrantStatus::GENERAL_ERROR);
    let mut seen = [0; 6];
    to.read(200, &mut seen);
    report.equal("what was copied", &seen, b"copied");
}

fn versions(report: &mut Report) {
    let mut version = GetVersion { dom: DomId::SELF, ..Default::default() };
    report.expect("get_version", op(GrantTableOp::GetVersion, &mut version), 0);
    report.expect("version", version.version, 1);
    report.row("set_version 3", op(GrantTableOp::SetVersion, &mut SetVersion { version: 3 }));
    let mut size = QuerySize { dom: DomId::SELF, ..Default::default() };
    report.expect("query_size", op(GrantTableOp::QuerySize, &mut size), 0);
    report.expect("its status", size.status, GrantStatus::OKAY);
    report.check("at least one frame", size.nr_frames >= 1 && size.max_nr_frames >= size.nr_frames);
}

extern crate alloc;
