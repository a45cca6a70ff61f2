// SPDX-License-Identifier: MIT OR Apache-2.0
//! `set_gdt` and `update_descriptor`: a table of our own, and descriptors that are refused.
#![no_std]
#![no_main]

use minios::memory::SharedPages;
use test_guests::hypercall::{at, call, call2};
use test_guests::{addresses, minus};
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::mmu::{Pte, PteFlags};

test_report::guest!(run, only_pv = "a PVH guest has its own descriptor tables");

/// A code segment of 64 bits, ring 3.
const CODE: u64 = 0x00af_fb00_0000_ffff;
/// A task state segment, which no guest may have.
const TSS: u64 = 0x0000_8900_0000_0067;

async fn run(report: &mut Report) {
    let Ok(page) = SharedPages::alloc(1) else { return report.error("a page", "no memory") };
    let (va, mfn) = (page.address() as u64, page.mfn(0));
    page.write(8, &CODE.to_le_bytes());
    let set = |entries: u64| call2(Hypercall::SetGdt, at(&[mfn]), entries);
    report.expect("too many entries", set(7169), minus(Errno::Einval));
    report.expect("a frame that is mapped writable", set(512), minus(Errno::Einval));
    let flags = PteFlags::PRESENT | PteFlags::USER | PteFlags::ACCESSED;
    let read_only = Pte::new(mfn, flags).raw();
    let remap = |value| call(Hypercall::UpdateVaMapping, [va, value, 2, 0, 0]);
    report.expect("map it read-only", remap(read_only), 0);
    report.expect("set_gdt", set(512), 0);
    selector_is_loaded(report);
    let update = |at: u64, value| call2(Hypercall::UpdateDescriptor, at, value);
    let start = mfn.maddr().get();
    report.expect("update_descriptor", update(start + 16, CODE), 0);
    report.expect("not aligned", update(start + 4, CODE), minus(Errno::Einval));
    report.expect("a system descriptor", update(start + 16, TSS), minus(Errno::Einval));
    report.expect("no such frame", update(1 << 50, CODE), minus(Errno::Einval));
    let writable = remap(read_only | PteFlags::WRITABLE.bits());
    report.row("map it writable while it is the GDT", writable);
    report.check("a descriptor page is not mapped writable", writable < 0);
    report.expect("no GDT", set(0), 0);
    report.expect("map it writable", remap(read_only | PteFlags::WRITABLE.bits()), 0);
    let bad = call2(Hypercall::SetGdt, addresses::UNMAPPED, 512);
    report.expect("bad pointer", bad, minus(Errno::Efault));
}

/// The second descriptor is ours: lar finds it.
fn selector_is_loaded(report: &mut Report) {
    let rights: u64;
    // SAFETY: lar only reads the descriptor table.
    unsafe {
        core::arch::asm!("xor {0:e}, {0:e}", "lar {0:r}, {1:r}", out(reg) rights, in(reg) 0xbu64)
    };
    report.expect("rights of selector 0xb", rights & 0xff00, 0xfb00);
}
