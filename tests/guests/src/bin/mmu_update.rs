// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mmu_update`, `update_va_mapping` and `mmuext_op`: good updates, and each class of bad ones.
#![no_std]
#![no_main]

use minios::memory::SharedPages;
use test_guests::hypercall::{at, call};
use test_guests::{minus, refuses_bad_pointers};
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;
use xen_abi::hypercall::Hypercall;
use xen_abi::mmu::{
    MmuUpdate, MmuextCmd, MmuextOp, Pte, PteFlags, UVMF_INVLPG, UVMF_NONE, UVMF_TLB_FLUSH,
};

test_report::guest!(run, only_pv = "a PVH guest writes its page tables itself");

const SELF: u64 = 0x7ff0;

fn update(ptr: u64, val: u64) -> i64 {
    let request = MmuUpdate { ptr, val };
    call(Hypercall::MmuUpdate, [at(&request), 1, 0, SELF, 0])
}

fn update_va(va: u64, value: u64, flags: u64) -> i64 {
    call(Hypercall::UpdateVaMapping, [va, value, flags, 0, 0])
}

fn extended(cmd: MmuextCmd, arg1: u64, arg2: u64) -> i64 {
    let op = MmuextOp::new(cmd, arg1, arg2);
    call(Hypercall::MmuextOp, [at(&op), 1, 0, SELF, 0])
}

fn data(mfn: Mfn) -> u64 {
    Pte::new(mfn, PteFlags::PRESENT | PteFlags::WRITABLE | PteFlags::USER | PteFlags::ACCESSED)
        .raw()
}

fn read_only(mfn: Mfn) -> u64 {
    Pte::new(mfn, PteFlags::PRESENT | PteFlags::USER | PteFlags::ACCESSED).raw()
}

async fn run(report: &mut Report) {
    let Ok(page) = SharedPages::alloc(1) else { return report.error("a page", "no memory") };
    let (va, mfn) = (page.address() as u64, page.mfn(0));
    leaf(report, va, mfn);
    requests(report);
    tables(report, va, mfn);
    operations(report, mfn);
}

fn leaf(report: &mut Report, va: u64, mfn: Mfn) {
    for (name, flags) in [("none", UVMF_NONE), ("flush", UVMF_TLB_FLUSH), ("invlpg", UVMF_INVLPG)] {
        report.expect(name, update_va(va, data(mfn), flags), 0);
    }
    report.expect("not present", update_va(va, 0, UVMF_INVLPG), 0);
    report.expect("back again", update_va(va, data(mfn), UVMF_INVLPG), 0);
    let mapped_nowhere = update_va(0x7f00_0000_0000, data(mfn), 0);
    report.expect("no table there", mapped_nowhere, minus(Errno::Einval));
    let xen = update_va(0xffff_8200_0000_0000, data(mfn), 0);
    report.expect("in Xen's range", xen, minus(Errno::Einval));
    let beyond = update_va(va, data(Mfn::new(0xff_ffff_ffff)), 0);
    report.row("a frame that does not exist", beyond);
    report.check("a frame that does not exist is refused", beyond < 0);
    let huge = data(mfn) | PteFlags::HUGE.bits();
    report.row("PAT bit", update_va(va, huge, 0));
    report.expect("still as it was", update_va(va, data(mfn), UVMF_INVLPG), 0);
    let non_canonical = update_va(1 << 63, 0, UVMF_INVLPG);
    report.expect("non-canonical address (XSA-279)", non_canonical, minus(Errno::Einval));
    let other = call(Hypercall::UpdateVaMappingOtherdomain, [va, data(mfn), 0, 0x7000, 0]);
    report.expect("another domain's frame", other, minus(Errno::Esrch));
}

fn requests(report: &mut Report) {
    report.expect("unknown kind of update", update(4, 0), minus(Errno::Enosys));
    report.row("update of no frame", update(0xff_ffff_ffff_f000, 0));
    report.row("m2p of no frame", update(0xff_ffff_ffff_f001, 0));
    report.expect("no updates", call(Hypercall::MmuUpdate, [0, 0, 0, SELF, 0]), 0);
    let absent = MmuUpdate { ptr: 0, val: 0 };
    let absent = call(Hypercall::MmuUpdate, [at(&absent), 1, 0, 0x7000, 0]);
    report.expect("no such domain", absent, minus(Errno::Esrch));
    refuses_bad_pointers(report, "mmu_update", |address| {
        call(Hypercall::MmuUpdate, [address, 1, 0, SELF, 0])
    });
    refuses_bad_pointers(report, "mmuext_op", |address| {
        call(Hypercall::MmuextOp, [address, 1, 0, SELF, 0])
    });
}

/// A frame in use as a table is never writable, and the other way round.
fn tables(report: &mut Report, va: u64, mfn: Mfn) {
    let pinned = extended(MmuextCmd::PinL1Table, mfn.get(), 0);
    report.expect("pin a frame that is mapped writable", pinned, minus(Errno::Einval));
    report.expect("map it read-only", update_va(va, read_only(mfn), UVMF_INVLPG), 0);
    report.expect("pin it", extended(MmuextCmd::PinL1Table, mfn.get(), 0), 0);
    let again = extended(MmuextCmd::PinL1Table, mfn.get(), 0);
    report.expect("pin it again", again, minus(Errno::Einval));
    let writable = update_va(va, data(mfn), UVMF_INVLPG);
    report.row("map a table writable", writable);
    report.check("a table is not mapped writable", writable < 0);
    report.expect("write an entry", update(mfn.maddr().get(), read_only(mfn)), 0);
    let writable = update(mfn.maddr().get() + 8, data(mfn));
    report.row("write an entry that maps the table writable", writable);
    report.check("and that is refused", writable < 0);
    report.expect("clear the entry", update(mfn.maddr().get(), 0), 0);
    let as_l4 = extended(MmuextCmd::NewBaseptr, mfn.get(), 0);
    report.expect("load it as an L4", as_l4, minus(Errno::Einval));
    report.expect("unpin", extended(MmuextCmd::UnpinTable, mfn.get(), 0), 0);
    let twice = extended(MmuextCmd::UnpinTable, mfn.get(), 0);
    report.expect("unpin twice", twice, minus(Errno::Einval));
    report.expect("map it writable again", update_va(va, data(mfn), UVMF_INVLPG), 0);
}

fn operations(report: &mut Report, mfn: Mfn) {
    report.expect("flush", extended(MmuextCmd::TlbFlushLocal, 0, 0), 0);
    report.expect("invlpg", extended(MmuextCmd::InvlpgLocal, 0x1000, 0), 0);
    report.expect("flush all", extended(MmuextCmd::TlbFlushAll, 0, 0), 0);
    report.expect("invlpg all", extended(MmuextCmd::InvlpgAll, 1 << 63, 0), 0);
    report.expect("clear a page", extended(MmuextCmd::ClearPage, mfn.get(), 0), 0);
    report.expect("copy a page", extended(MmuextCmd::CopyPage, mfn.get(), mfn.get()), 0);
    let nothing = extended(MmuextCmd::ClearPage, 0xff_ffff_ffff, 0);
    report.expect("clear no page", nothing, minus(Errno::Einval));
    let nothing = extended(MmuextCmd::PinL4Table, 0xff_ffff_ffff, 0);
    report.expect("pin no page", nothing, minus(Errno::Einval));
    report.expect("no user root", extended(MmuextCmd::NewUserBaseptr, 0, 0), 0);
    report.expect("no LDT", extended(MmuextCmd::SetLdt, 0, 0), 0);
    report.expect("LDT not page aligned", extended(MmuextCmd::SetLdt, 8, 1), minus(Errno::Einval));
    let long = extended(MmuextCmd::SetLdt, 0x1000, 8193);
    report.expect("LDT too long", long, minus(Errno::Einval));
    let unknown = MmuextOp { cmd: 99, ..Default::default() };
    let unknown = call(Hypercall::MmuextOp, [at(&unknown), 1, 0, SELF, 0]);
    report.expect("unknown operation", unknown, minus(Errno::Enosys));
}
