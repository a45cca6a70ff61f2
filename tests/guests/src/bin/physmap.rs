// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is where in a PVH guest's physical address space: moving frames one by one, in ranges and
//! in batches, and taking them out.
#![no_std]
#![no_main]

use minios::memory::{SharedPages, map_foreign};
use minios::{GuestType, Mfn};
use test_guests::hypercall::{at_mut, call2};
use test_guests::physmap::{add, decrease, move_frame, move_range, op, populate, request};
use test_guests::{addresses, is_hv, minus, pv_or_pvh};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::memory::{
    AddToPhysmap, AddToPhysmapBatch, DomainArg, MemoryOp, PhysmapSpace, RemoveFromPhysmap,
};

test_report::guest!(run);

/// Frame numbers with nothing behind them: 16 GiB.
const HOLE: u64 = 1 << 22;
const PAGE: usize = 4096;

fn remove(gpfn: u64) -> i64 {
    let mut arg = RemoveFromPhysmap { domid: DomId::SELF, gpfn, ..Default::default() };
    op(MemoryOp::RemoveFromPhysmap, 0, &mut arg)
}

/// A number of pages.
fn pages(which: MemoryOp) -> i64 {
    op(which, 0, &mut DomainArg { domid: DomId::SELF })
}

fn pages_now() -> i64 {
    pages(MemoryOp::CurrentReservation)
}

async fn run(report: &mut Report) {
    refused(report);
    if minios::guest_type() != GuestType::Pvh {
        return;
    }
    let Ok(memory) = SharedPages::alloc(4) else { return report.error("pages", "no memory") };
    let first = memory.address() as u64 >> 12;
    one_by_one(report, &memory, first);
    ranges(report, &memory, first);
    batches(report, &memory, first);
    up_to_the_limit(report);
    others(report);
    // Some of its pages are gone: nothing uses it any more.
    core::mem::forget(memory);
}

/// Requests that name nothing: a PV domain has no such address space.
fn refused(report: &mut Report) {
    let pv = |pvh: Errno| minus(pv_or_pvh(Errno::Eacces, pvh));
    report.expect("no such frame", move_frame(HOLE, HOLE + 1), pv(Errno::Einval));
    report.expect("shared_info 1", add(PhysmapSpace::SharedInfo, 1, HOLE), pv(Errno::Einval));
    report.expect("status frame", add(PhysmapSpace::GrantTable, 1 << 31, HOLE), pv(Errno::Einval));
    report.expect("grant frame 64", add(PhysmapSpace::GrantTable, 64, HOLE), pv(Errno::Einval));
    report.expect("device memory", add(PhysmapSpace::DeviceMemory, 0, HOLE), minus(Errno::Eacces));
    let foreign = add(PhysmapSpace::GmfnForeign, 0, HOLE);
    report.expect("foreign, one by one", foreign, minus(Errno::Enosys));
    let mut unknown = AddToPhysmap { space: 9, ..request(PhysmapSpace::Gmfn, 0, HOLE) };
    report.expect("unknown space", op(MemoryOp::AddToPhysmap, 0, &mut unknown), pv(Errno::Einval));
    let mut absent = request(PhysmapSpace::Gmfn, 0, HOLE);
    absent.domid = DomId::new(0x7000);
    report.expect("absent domain", op(MemoryOp::AddToPhysmap, 0, &mut absent), minus(Errno::Esrch));
    let mut start = request(PhysmapSpace::Gmfn, 0, HOLE);
    let late = op(MemoryOp::AddToPhysmap, 1 << 16, &mut start);
    report.expect("starts at 65536", late, minus(Errno::Edom));
    for (class, address) in addresses::BAD {
        let which = u64::from(MemoryOp::AddToPhysmap.raw());
        report.expect(class, call2(Hypercall::MemoryOp, which, address), minus(Errno::Efault));
    }
    report.expect("remove nothing", remove(HOLE), pv(Errno::Enoent));
    let mut nothing = RemoveFromPhysmap { domid: DomId::SELF, gpfn: HOLE, ..Default::default() };
    let late = op(MemoryOp::RemoveFromPhysmap, 1, &mut nothing);
    report.expect("remove, starts at 1", late, minus(Errno::Einval));
}

/// Writes a number to each page.
fn mark(memory: &SharedPages, first: u32) {
    (0..).zip(first..).take(4).for_each(|(page, mark)| memory.store_u32(page * PAGE, mark));
}

fn one_by_one(report: &mut Report, memory: &SharedPages, first: u64) {
    mark(memory, 0x100);
    report.expect("move away", move_frame(first, HOLE), 0);
    report.expect("and back", move_frame(HOLE, first), 0);
    report.expect("what it held", memory.load_u32(0), 0x100);
    let before = pages_now();
    report.expect("move over another", move_frame(first + 1, first), 0);
    report.expect("what it held, too", memory.load_u32(0), 0x101);
    report.expect("pages given back", before - pages_now(), 1);
    report.expect("what moved is gone", move_frame(first + 1, HOLE), minus(Errno::Einval));
    report.expect("a new page there", populate(first + 1), 1);
    // Xen gives a domain its own page back as it was.
    report.check("which is empty", !is_hv() || memory.load_u32(PAGE) == 0);
    report.expect("move onto itself", move_frame(first + 2, first + 2), 0);
    report.expect("where it stays", remove(first + 2), 0);
    report.expect("a new page, again", populate(first + 2), 1);
    report.expect("remove", remove(first + 3), 0);
    report.expect("remove again", remove(first + 3), minus(Errno::Enoent));
    report.expect("give back what was removed", decrease(first + 3), 0);
    report.expect("a page for it", populate(first + 3), 1);
    report.expect("grant frame into a hole", add(PhysmapSpace::GrantTable, 0, HOLE), 0);
    report.expect("and elsewhere", add(PhysmapSpace::GrantTable, 0, HOLE + 1), 0);
    report.expect("not where it was", remove(HOLE), minus(Errno::Enoent));
    report.expect("given back as memory", decrease(HOLE + 1), 1);
    report.expect("and gone", remove(HOLE + 1), minus(Errno::Enoent));
}

fn ranges(report: &mut Report, memory: &SharedPages, first: u64) {
    mark(memory, 0x200);
    report.expect("range away", move_range(first, HOLE, 4, 0), 0);
    report.expect("second half back", move_range(HOLE, first, 4, 2), 0);
    report.expect("third page", memory.load_u32(2 * PAGE), 0x202);
    report.expect("with a hole", move_range(HOLE, first, 4, 0), minus(Errno::Einval));
    report.expect("as far as it went", memory.load_u32(PAGE), 0x201);
    report.expect("of none", move_range(first, HOLE, 0, 0), 0);
    report.expect("behind its end", move_range(first, HOLE, 4, 5), minus(Errno::Eilseq));
    report.expect("over the end", move_range(u64::MAX, HOLE, 4, 0), minus(Errno::Eoverflow));
    let over = move_range(0, u64::MAX - 1, 4, 0);
    report.expect("over the end, there", over, minus(Errno::Eoverflow));
    report.expect("to no frame", move_range(0, u64::MAX, 4, 0), minus(Errno::Einval));
}

/// An errno as a batch has it.
fn error(errno: Errno) -> i32 {
    -(errno as i32)
}

/// Spaces, as a batch has them.
const GMFN: u16 = 2;
const RANGE: u16 = 3;
const FOREIGN: u16 = 4;
const DEVICE_MEMORY: u16 = 5;

/// A batch of up to four: what comes back, and the errors.
fn batch(change: impl FnOnce(&mut AddToPhysmapBatch), pairs: [(u64, u64); 4]) -> (i64, [i32; 4]) {
    let (mut idxs, mut gpfns) = (pairs.map(|(idx, _)| idx), pairs.map(|(_, gpfn)| gpfn));
    let mut errs = [77; 4];
    let mut arg = AddToPhysmapBatch {
        domid: DomId::SELF,
        space: GMFN,
        size: 4,
        foreign_domid: DomId::new(0),
        idxs: at_mut(&mut idxs),
        gpfns: at_mut(&mut gpfns),
        errs: at_mut(&mut errs),
    };
    change(&mut arg);
    let result = op(MemoryOp::AddToPhysmapBatch, 0, &mut arg);
    (result, errs)
}

fn batches(report: &mut Report, memory: &SharedPages, first: u64) {
    let away = [0, 1, 2, 3].map(|n| (first + n, HOLE + n));
    let back = away.map(|(from, to)| (to, from));
    report.expect("batch", batch(|_| (), away), (0, [0; 4]));
    let [one, _, three, _] = back;
    let no = error(Errno::Einval);
    let holes = [one, (HOLE + 9, first + 1), three, (u64::MAX, first)];
    report.expect("batch with holes", batch(|_| (), holes), (0, [0, no, 0, no]));
    report.expect("batch of none", batch(|arg| arg.size = 0, away), (0, [77; 4]));
    let refuse = |change: fn(&mut AddToPhysmapBatch)| batch(change, away).0;
    report.expect("range", refuse(|arg| arg.space = RANGE), minus(Errno::Eopnotsupp));
    report.expect(
        "device memory, batch",
        refuse(|arg| arg.space = DEVICE_MEMORY),
        minus(Errno::Eacces),
    );
    report.row("unknown space, batch", batch(|arg| arg.space = 9, away));
    report.expect("bad idxs", refuse(|arg| arg.idxs = addresses::UNMAPPED), minus(Errno::Efault));
    report.expect("bad errs", refuse(|arg| arg.errs = addresses::HYPERVISOR), minus(Errno::Efault));
    let absent = refuse(|arg| arg.domid = DomId::new(0x7000));
    report.expect("absent domain, batch", absent, minus(Errno::Esrch));
    let foreign = batch(
        |arg| {
            arg.space = FOREIGN;
            arg.size = 1;
        },
        away,
    );
    let denied = error(Errno::Eperm);
    report.expect("a frame of the first domain", foreign, (0, [denied, 77, 77, 77]));
    for (from, to) in back {
        if move_frame(from, to) != 0 {
            populate(to);
        }
    }
    mark(memory, 0x300);
}

/// Memory may grow, wherever nothing is, to the domain's limit, and shrink again.
fn up_to_the_limit(report: &mut Report) {
    let before = pages_now();
    let more = pages(MemoryOp::MaximumReservation).abs_diff(before);
    let places = || (HOLE..).take(usize::try_from(more).unwrap_or(0));
    report.check("there is room", more > 0);
    report.check("each new page", places().all(|gfn| populate(gfn) == 1));
    report.expect("one too many", populate(HOLE + more), 0);
    report.check("each given back", places().all(|gfn| decrease(gfn) == 1));
    report.expect("pages more than before", pages_now() - before, 0);
}

/// Nothing of another domain is to be had.
fn others(report: &mut Report) {
    let mut of_first = request(PhysmapSpace::Gmfn, 1, HOLE);
    of_first.domid = DomId::new(0);
    report.row("for the first domain", op(MemoryOp::AddToPhysmap, 0, &mut of_first));
    let mut out = RemoveFromPhysmap { domid: DomId::new(0), gpfn: 1, ..Default::default() };
    let removed = op(MemoryOp::RemoveFromPhysmap, 0, &mut out);
    report.expect("remove from the first domain", removed, minus(Errno::Eacces));
    let mapped = map_foreign(DomId::new(0), &[Mfn::new(1)]).err();
    report.check("no frame of the first domain", mapped.is_some());
}
