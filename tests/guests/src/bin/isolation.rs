// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest in hardware virtualization reaches what is its own and nothing else: no frame number
//! beyond its memory, none that it has given back or unmapped, not even by a translation that the
//! processor still has; and it is no host itself.
#![no_std]
#![no_main]

use minios::DomId;
use minios::memory::SharedPages;
use test_guests::hypercall::{at_mut, call3};
use test_guests::own_tables::{OwnTables, address};
use test_guests::page_entry::{RW, flush};
use test_guests::physmap::{decrease, populate};
use test_guests::random::Random;
use test_guests::traps::{self, faults};
use test_guests::{is_hv, own_domid, provoke};
use test_report::Report;
use xen_abi::grant_table::{GrantTableOp, MapFlags, MapGrantRef, UnmapGrantRef};
use xen_abi::hypercall::Hypercall;
use xen_abi::trap::{TrapFlags, VECTOR_GP, VECTOR_PF, VECTOR_UD};

test_report::guest!(run, only_pvh = "`mmu_update` and its kind are the same for PV");

/// The table of level 1 among [`OwnTables`].
const TABLE: u64 = 2;
/// Where grants are mapped: behind all memory.
const GRANT_AT: u64 = 1 << 33;
/// What a guest has beside its memory: ACPI tables and a local APIC.
const ITS_OWN: [u64; 2] = [0xfc000, 0xfee00];

async fn run(report: &mut Report) {
    for vector in [VECTOR_GP, VECTOR_PF, VECTOR_UD] {
        traps::record(vector, TrapFlags::empty());
    }
    let Some(tables) = OwnTables::new(0) else { return report.error("tables", "no memory") };
    beyond_memory(report, &tables);
    given_back(report, &tables);
    let me = own_domid().await;
    unmapped_grant(report, &tables, me);
    virtualization(report);
}

/// What reading a word gives: `None` for a fault.
fn read(at: u64) -> Option<u64> {
    let mut value = 0u64;
    let faulted = faults(|| provoke!("mov {v}, [{at}]"; v = inout(reg) value, at = in(reg) at));
    (faulted == 0).then_some(value)
}

/// Whether a frame number leads to nothing: reading, writing and executing fault, or there is an
/// empty bus.
fn is_nothing(tables: &OwnTables, gfn: u64) -> bool {
    let at = address(0, 0, 0);
    tables.set(TABLE, 0, gfn << 12 | RW);
    flush();
    let reads_nothing = read(at).is_none_or(|value| value == u64::MAX);
    faults(|| provoke!("mov [{at}], {at}"; at = in(reg) at));
    let kept_nothing = read(at).is_none_or(|value| value == u64::MAX);
    let executed = faults(|| provoke!("jmp {at}"; at = in(reg) at));
    reads_nothing && kept_nothing && executed == 1
}

fn beyond_memory(report: &mut Report, tables: &OwnTables) {
    const SPECIAL: u64 = 0xfeff8;
    const MEMORY_PAGES: u64 = 18 << 8;
    let mut random = Random::new(7);
    let behind = MEMORY_PAGES..MEMORY_PAGES + 2048;
    let megabytes = (MEMORY_PAGES..1 << 20).step_by(256);
    let devices = 0xfec00..SPECIAL;
    let anywhere = (0..2000).map(|_| 1 << 20 | random.below(1 << 28));
    let all = behind.chain(megabytes).chain(devices).chain(anywhere);
    let reached = all.filter(|gfn| !ITS_OWN.contains(gfn) && !is_nothing(tables, *gfn)).count();
    report.expect("frame numbers beyond its memory that lead somewhere", reached, 0);
}

/// A page that is given back is gone at once, although nobody has flushed its translation.
fn given_back(report: &mut Report, tables: &OwnTables) {
    let Ok(page) = SharedPages::alloc(1) else { return report.error("a page", "no memory") };
    let (at, gfn) = (address(0, 0, 1), page.mfn(0).get());
    page.store_u64(0, 77);
    tables.set(TABLE, 1, gfn << 12 | RW);
    flush();
    report.expect("its page", read(at), Some(77));
    report.expect("given back", decrease(gfn), 1);
    report.check("it is gone", read(at).is_none_or(|value| value == u64::MAX));
    report.expect("another one", populate(gfn), 1);
    // Xen gives a domain its own page back as it was.
    report.check("it is empty", !is_hv() || read(at) == Some(0));
}

/// The same of a frame that was granted and mapped.
fn unmapped_grant(report: &mut Report, tables: &OwnTables, me: DomId) {
    let Ok(page) = SharedPages::alloc(1) else { return report.error("a page", "no memory") };
    let Ok(grant) = minios::grant_table::grant_access(me, &page, 0, false) else {
        return report.error("a grant", "refused");
    };
    page.store_u64(0, 88);
    let at = address(0, 0, 2);
    tables.set(TABLE, 2, GRANT_AT | RW);
    let mut map = MapGrantRef {
        host_addr: GRANT_AT,
        flags: MapFlags::HOST_MAP,
        grant_ref: grant.reference(),
        dom: me,
        ..Default::default()
    };
    let op = |op: GrantTableOp, arg| call3(Hypercall::GrantTableOp, u64::from(op.raw()), arg, 1);
    report.expect(
        "map",
        (op(GrantTableOp::MapGrantRef, at_mut(&mut map)), map.status.get()),
        (0, 0),
    );
    report.expect("the granted page", read(at), Some(88));
    let mut unmap = UnmapGrantRef { host_addr: GRANT_AT, handle: map.handle, ..Default::default() };
    let result = op(GrantTableOp::UnmapGrantRef, at_mut(&mut unmap));
    report.expect("unmap", (result, unmap.status.get()), (0, 0));
    faults(|| provoke!("mov [{at}], {at}"; at = in(reg) at));
    report.check("it is gone", read(at).is_none_or(|value| value == u64::MAX));
    // A frame of one's own has one number: the mapping has taken it from where it was.
    report.expect("another page", populate(page.mfn(0).get()), 1);
    faults(|| provoke!("mov [{at}], {at}"; at = in(reg) at));
    report.check("what is written goes nowhere", page.load_u64(0) != at);
}

/// Instructions of hosts do not exist: VT-x's, SVM's, those of enclaves and of measured launches.
fn virtualization(report: &mut Report) {
    report.expect("vmxon", faults(|| provoke!(".byte 0xf3, 0x0f, 0xc7, 0x34, 0x24")), 1);
    report.expect("vmclear", faults(|| provoke!(".byte 0x66, 0x0f, 0xc7, 0x34, 0x24")), 1);
    report.expect("vmptrld", faults(|| provoke!(".byte 0x0f, 0xc7, 0x34, 0x24")), 1);
    report.expect("vmptrst", faults(|| provoke!(".byte 0x0f, 0xc7, 0x3c, 0x24")), 1);
    report.expect("vmlaunch", faults(|| provoke!(".byte 0x0f, 0x01, 0xc2")), 1);
    report.expect("vmresume", faults(|| provoke!(".byte 0x0f, 0x01, 0xc3")), 1);
    report.expect("vmread", faults(|| provoke!(".byte 0x0f, 0x78, 0xc0")), 1);
    report.expect("vmwrite", faults(|| provoke!(".byte 0x0f, 0x79, 0xc0")), 1);
    report.expect(
        "vmfunc",
        faults(|| provoke!(".byte 0x0f, 0x01, 0xd4"; in("eax") 0, in("ecx") 0)),
        1,
    );
    report.expect("invept", faults(|| provoke!(".byte 0x66, 0x0f, 0x38, 0x80, 0x04, 0x24")), 1);
    report.expect("invvpid", faults(|| provoke!(".byte 0x66, 0x0f, 0x38, 0x81, 0x04, 0x24")), 1);
    report.expect("vmrun", faults(|| provoke!("vmrun rax"; in("rax") 0u64)), 1);
    report.expect("skinit", faults(|| provoke!("skinit eax"; in("eax") 0u32)), 1);
    report.expect("getsec", faults(|| provoke!(".byte 0x0f, 0x37"; in("eax") 0)), 1);
}
