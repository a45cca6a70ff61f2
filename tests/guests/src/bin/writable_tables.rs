// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plain writes to an L1 table that is mapped read-only, after asking for it by `vm_assist`: good
//! ones are executed, with all they do to registers and flags. A Linux guest lives by them.
#![no_std]
#![no_main]

use core::arch::asm;

use minios::memory::SharedPages;
use test_guests::hypercall::{at, call};
use test_report::Report;
use xen_abi::frame::Mfn;
use xen_abi::hypercall::Hypercall;
use xen_abi::mmu::{MmuextCmd, MmuextOp, Pte, PteFlags, UVMF_INVLPG};
use xen_abi::vm_assist::{VmAssistCmd, VmAssistType};

test_report::guest!(run, only_pv = "a PVH guest writes its page tables itself");

const SELF: u64 = 0x7ff0;
const DIRTY: u64 = 1 << 6;

fn assist(cmd: VmAssistCmd) -> i64 {
    let kind = VmAssistType::WritablePagetables;
    call(Hypercall::VmAssist, [u64::from(cmd.raw()), u64::from(kind.raw()), 0, 0, 0])
}

fn extended(cmd: MmuextCmd, mfn: Mfn) -> i64 {
    let op = MmuextOp::new(cmd, mfn.get(), 0);
    call(Hypercall::MmuextOp, [at(&op), 1, 0, SELF, 0])
}

/// Maps the page at `va` again, writable or not.
fn map(va: u64, mfn: Mfn, writable: bool) -> i64 {
    let access = if writable { PteFlags::WRITABLE } else { PteFlags::empty() };
    let entry = Pte::new(mfn, PteFlags::PRESENT | PteFlags::USER | PteFlags::ACCESSED | access);
    call(Hypercall::UpdateVaMapping, [va, entry.raw(), UVMF_INVLPG, 0, 0])
}

async fn run(report: &mut Report) {
    let (Ok(table), Ok(data)) = (SharedPages::alloc(1), SharedPages::alloc(1)) else {
        return report.error("two pages", "no memory");
    };
    let (va, mfn) = (table.address() as u64, table.mfn(0));
    report.expect("enable", assist(VmAssistCmd::Enable), 0);
    report.expect("map the table read-only", map(va, mfn, false), 0);
    report.expect("pin it", extended(MmuextCmd::PinL1Table, mfn), 0);
    let flags = PteFlags::PRESENT | PteFlags::USER | PteFlags::ACCESSED;
    writes(report, va, Pte::new(data.mfn(0), flags).raw());
    report.expect("unpin", extended(MmuextCmd::UnpinTable, mfn), 0);
    report.expect("map it writable again", map(va, mfn, true), 0);
    report.expect("disable", assist(VmAssistCmd::Disable), 0);
}

fn writes(report: &mut Report, va: u64, entry: u64) {
    // Xen marks entries of user mode as global.
    let plain = |value: u64| value & !PteFlags::GLOBAL.bits();
    let read = || plain(test_guests::word(va));
    // SAFETY: the address is that of the table's first entry, which maps nothing in use; the
    // hypervisor executes the write.
    unsafe { asm!("mov [{}], {}", in(reg) va, in(reg) entry) };
    report.check("store", read() == entry);
    let carry: u8;
    // SAFETY: as above.
    unsafe { asm!("lock btr qword ptr [{}], 5", "setc {}", in(reg) va, out(reg_byte) carry) };
    report.check("bit reset", read() == entry & !PteFlags::ACCESSED.bits() && carry == 1);
    // SAFETY: as above.
    unsafe { asm!("lock or byte ptr [{}], 0x40", in(reg) va) };
    let dirty = entry & !PteFlags::ACCESSED.bits() | DIRTY;
    report.check("or of a byte", read() == dirty);
    let mut found: u64 = 0;
    let mut equal: u8;
    // SAFETY: as above.
    unsafe {
        asm!("lock cmpxchg [{}], {}", "sete {}", in(reg) va, in(reg) entry, out(reg_byte) equal,
            inout("rax") found)
    };
    report.check("compare and exchange, another value", plain(found) == dirty && equal == 0);
    // SAFETY: as above.
    unsafe {
        asm!("lock cmpxchg [{}], {}", "sete {}", in(reg) va, in(reg) entry, out(reg_byte) equal,
            inout("rax") found => _)
    };
    report.check("compare and exchange", read() == entry && equal == 1);
    let mut old: u64 = 0;
    // SAFETY: as above.
    unsafe { asm!("xchg [{}], {}", in(reg) va, inout(reg) old) };
    report.check("exchange", read() == 0 && plain(old) == entry);
}
