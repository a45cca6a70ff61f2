// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the hypervisor reads and writes for a guest in hardware virtualization leaves accessed and
//! dirty marks in the guest's page tables, as an access of the processor does.
#![no_std]
#![no_main]

use core::arch::asm;

use minios::memory::SharedPages;
use test_guests::hypercall::call2;
use test_report::Report;
use xen_abi::hypercall::Hypercall;
use xen_abi::version::XenVersionOp;

test_report::guest!(run, only_pvh = "for a PV guest the processor itself leaves them");

const PAGE: usize = 4096;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;

async fn run(report: &mut Report) {
    let Ok(pages) = SharedPages::alloc(1) else { return report.error("a page", "no memory") };
    let address = pages.address();
    let leaf = entry(address, 0);
    let above = entry(address, 1);
    let marks = || (marks(above) & ACCESSED, marks(leaf));
    clear(address, [leaf, above]);
    report.expect("cleared", marks(), (0, 0));
    let version =
        |op: XenVersionOp| call2(Hypercall::XenVersion, u64::from(op.raw()), address as u64);
    report.expect("features of the first word", version(XenVersionOp::GetFeatures), 0);
    report.expect("read and written", marks(), (ACCESSED, ACCESSED | DIRTY));
    clear(address, [leaf, above]);
    report.expect("text", version(XenVersionOp::Extraversion), 0);
    report.expect("written", marks(), (ACCESSED, ACCESSED | DIRTY));
    clear(address, [leaf, above]);
    // Operation 60 does not exist: nothing is touched.
    call2(Hypercall::MemoryOp, 60, address as u64);
    report.expect("not used", marks(), (0, 0));
    // A reservation of nothing is read alone.
    pages.fill(0, PAGE, 0);
    clear(address, [leaf, above]);
    report.expect("nothing reserved", call2(Hypercall::MemoryOp, 1, address as u64), 0);
    report.expect("read", marks(), (ACCESSED, ACCESSED));
}

/// The address of the entry for `address` in a table of a level, 0 being the last.
fn entry(address: usize, level: u32) -> *mut u64 {
    let root: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr3", out(reg) root, options(nomem, nostack, preserves_flags)) };
    let mut table = root;
    for at in (level..4).rev() {
        let slot = address >> (12 + 9 * at) & 0x1ff;
        let base = usize::try_from(table & 0x000f_ffff_ffff_f000).unwrap_or(0);
        let entry = core::ptr::with_exposed_provenance_mut::<u64>(base + slot * 8);
        if at == level {
            return entry;
        }
        // SAFETY: minios has its tables where they are in its memory.
        table = unsafe { entry.read_volatile() };
    }
    core::ptr::null_mut()
}

fn marks(entry: *mut u64) -> u64 {
    // SAFETY: as above.
    let word = unsafe { entry.read_volatile() };
    word & (ACCESSED | DIRTY)
}

/// Takes the marks away, and the translation that the processor has cached.
fn clear(address: usize, entries: [*mut u64; 2]) {
    for entry in entries {
        // SAFETY: minios has its tables where they are in its memory.
        let word = unsafe { entry.read_volatile() };
        // SAFETY: as above, and the marks mean nothing to minios.
        unsafe { entry.write_volatile(word & !(ACCESSED | DIRTY)) };
    }
    // SAFETY: forgets a translation, which is found again.
    unsafe { asm!("invlpg [{}]", in(reg) address, options(nostack, preserves_flags)) };
}
