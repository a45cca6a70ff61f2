// SPDX-License-Identifier: MIT OR Apache-2.0
//! A privileged domain puts 2 MiB, its own frames, and those of a second domain into the address
//! space of a PVH domain, and takes them out. The real Xen lets only a PVH first domain have frames
//! of others.
#![no_std]
#![no_main]

use minios::hypercall::{domctl, memory_op};
use minios::memory::{SharedPages, map_foreign};
use minios::{DomId, Mfn, Pfn};
use test_guests::hypercall::{at_mut, call2};
use test_guests::{is_hv, minus, new_domain};
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::memory::{AddToPhysmapBatch, MemoryOp, PhysmapSpace, RemoveFromPhysmap};

test_report::guest!(run);

/// Where frames go: the first of 2 MiB of the domain's own, and one behind them.
const INSIDE: u64 = 512;
const OUTSIDE: u64 = 1024;
/// Order of 2 MiB.
const LARGE: u32 = 9;

async fn run(report: &mut Report) {
    if !minios::is_initial_domain() {
        return report.skip("only a privileged domain may do this");
    }
    if !is_hv() {
        return report.skip("Xen lets only a PVH first domain have frames of others");
    }
    let (one, other) = match (create(), create()) {
        (Ok(one), Ok(other)) => (one, other),
        (Err(Errno::Eopnotsupp), _) => return report.skip("no hardware virtualization"),
        (one, other) => return report.error("two domains", (one.err(), other.err())),
    };
    frames(report, one, other);
    refused(report, one, other);
    report.expect("destroy the other", domctl::destroy_domain(other), Ok(()));
    report.expect("which stays for its frame", is_there(other), true);
    report.expect("take that out", remove(one, INSIDE + 9), 0);
    report.expect("and the other is gone", is_there(other), false);
    report.expect("destroy the one that has ours", domctl::destroy_domain(one), Ok(()));
    report.expect("gone with it", is_there(one), false);
    match minios::hypercall::audit::audit() {
        Ok(differences) => report.equal("differences in the books", differences, 0),
        Err(error) => report.check("no audit", error == Errno::Enosys),
    }
}

/// A PVH domain of 2 MiB from [`INSIDE`] on.
fn create() -> Result<DomId, Errno> {
    let domain = domctl::create_domain(DomId::DOM0, new_domain::pvh())?;
    domctl::max_vcpus(domain, 1)?;
    domctl::max_mem(domain, 4096)?;
    memory_op::populate_physmap(domain, &[Pfn::new(INSIDE)], LARGE)?;
    Ok(domain)
}

/// Puts a frame of `of` there: what comes back, and the error.
fn add(domain: DomId, of: DomId, mut idx: u64, mut gpfn: u64) -> (i64, i32) {
    let mut error = 77;
    let mut arg = AddToPhysmapBatch {
        domid: domain,
        space: u16::try_from(PhysmapSpace::GmfnForeign.raw()).unwrap_or(0),
        size: 1,
        foreign_domid: of,
        idxs: at_mut(&mut idx),
        gpfns: at_mut(&mut gpfn),
        errs: at_mut(&mut error),
    };
    let op = u64::from(MemoryOp::AddToPhysmapBatch.raw());
    (call2(Hypercall::MemoryOp, op, at_mut(&mut arg)), error)
}

fn remove(domid: DomId, gpfn: u64) -> i64 {
    let mut arg = RemoveFromPhysmap { domid, gpfn, ..Default::default() };
    call2(Hypercall::MemoryOp, u64::from(MemoryOp::RemoveFromPhysmap.raw()), at_mut(&mut arg))
}

fn is_there(domain: DomId) -> bool {
    domctl::domain_info(domain).is_ok_and(|info| info.domain == domain)
}

/// The first word of what a domain sees at a frame.
fn seen(domain: DomId, gfn: u64) -> Result<u32, Errno> {
    Ok(map_foreign(domain, &[Mfn::new(gfn)])?.load_u32(0))
}

fn frames(report: &mut Report, one: DomId, other: DomId) {
    let Ok(own) = SharedPages::alloc(1) else { return report.error("a page", "no memory") };
    own.store_u32(0, 0x1111);
    let mine = own.mfn(0).get();
    report.expect("its own 2 MiB", seen(one, INSIDE + 7), Ok(0));
    report.expect("a frame of ours outside", add(one, DomId::DOM0, mine, OUTSIDE), (0, 0));
    report.expect("and inside", add(one, DomId::DOM0, mine, INSIDE + 7), (0, 0));
    report.expect("beside it", seen(one, INSIDE + 8), Ok(0));
    report.check("is not its own", seen(one, INSIDE + 7).is_err());
    report.expect("a frame of another", add(one, other, INSIDE + 3, INSIDE + 9), (0, 0));
    report.check("is not its own either", seen(one, INSIDE + 9).is_err());
    report.expect("take ours out", remove(one, OUTSIDE), 0);
    report.expect("not a second time", remove(one, OUTSIDE), minus(Errno::Enoent));
    report.expect("ours is still ours", own.load_u32(0), 0x1111);
    // It is in the other's address space still.
    core::mem::forget(own);
}

fn refused(report: &mut Report, one: DomId, other: DomId) {
    let Ok(own) = SharedPages::alloc(1) else { return report.error("a page", "no memory") };
    let mine = own.mfn(0).get();
    let fails = |errno: Errno| (0, i32::try_from(minus(errno)).unwrap_or(0));
    let over = add(one, DomId::DOM0, mine, INSIDE + 9);
    report.expect("over a frame of another", over, fails(Errno::Enxio));
    let again = add(one, one, INSIDE, OUTSIDE + 1);
    report.expect("a frame of itself", again, fails(Errno::Einval));
    let passed_on = add(other, one, INSIDE + 9, OUTSIDE);
    report.expect("one that is another's already", passed_on, fails(Errno::Einval));
    let absent = add(one, DomId::new(0x7000), 0, OUTSIDE + 1);
    report.expect("of nobody", absent, fails(Errno::Esrch));
    let no_frame = add(one, DomId::DOM0, u64::MAX, OUTSIDE + 1);
    report.expect("a frame that does not exist", no_frame, fails(Errno::Einval));
    let table = minios::start_info().pt_base.get() >> 12;
    let list = minios::start_info().mfn_list.get();
    let root = test_guests::word(list + table * 8);
    let of_tables = add(one, DomId::DOM0, root, OUTSIDE + 1);
    report.expect("a page table of ours", of_tables, fails(Errno::Einval));
}
