// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the hypervisor reads and writes for a guest in hardware virtualization leaves accessed and
//! dirty marks in the guest's page tables, as an access of the processor does.
#![no_std]
#![no_main]

use minios::memory::SharedPages;
use test_guests::hypercall::call2;
use test_guests::page_entry::{self, ACCESSED, DIRTY};
use test_guests::{poke, provoke, word};
use test_report::Report;
use xen_abi::hypercall::Hypercall;
use xen_abi::version::XenVersionOp;

test_report::guest!(run, only_pvh = "for a PV guest the processor itself leaves them");

const PAGE: usize = 4096;

async fn run(report: &mut Report) {
    let Ok(pages) = SharedPages::alloc(1) else { return report.error("a page", "no memory") };
    let address = pages.address() as u64;
    let (Some(leaf), Some(above)) = (page_entry::find(address, 1), page_entry::find(address, 2))
    else {
        return report.error("its entries", "not mapped");
    };
    let marks = || (marks(above) & ACCESSED, marks(leaf));
    clear(address, [leaf, above]);
    report.expect("cleared", marks(), (0, 0));
    let version = |op: XenVersionOp| call2(Hypercall::XenVersion, u64::from(op.raw()), address);
    report.expect("features of the first word", version(XenVersionOp::GetFeatures), 0);
    report.expect("read and written", marks(), (ACCESSED, ACCESSED | DIRTY));
    clear(address, [leaf, above]);
    report.expect("text", version(XenVersionOp::Extraversion), 0);
    report.expect("written", marks(), (ACCESSED, ACCESSED | DIRTY));
    clear(address, [leaf, above]);
    // Operation 60 does not exist: nothing is touched.
    call2(Hypercall::MemoryOp, 60, address);
    report.expect("not used", marks(), (0, 0));
    // A reservation of nothing is read alone.
    pages.fill(0, PAGE, 0);
    clear(address, [leaf, above]);
    report.expect("nothing reserved", call2(Hypercall::MemoryOp, 1, address), 0);
    report.expect("read", marks(), (ACCESSED, ACCESSED));
    // No device has this port, which a guest has not anyway.
    clear(address, [leaf, above]);
    provoke!("outsd"; in("dx") 0x1f0u16, inout("rsi") address => _);
    report.expect("read by outs", marks(), (ACCESSED, ACCESSED));
    clear(address, [leaf, above]);
    provoke!("insd"; in("dx") 0x1f0u16, inout("rdi") address => _);
    report.expect("written by ins", marks(), (ACCESSED, ACCESSED | DIRTY));
}

fn marks(entry: u64) -> u64 {
    word(entry) & (ACCESSED | DIRTY)
}

/// Takes the marks away, and the translation that the processor has cached.
fn clear(address: u64, entries: [u64; 2]) {
    // The marks mean nothing to minios.
    entries.into_iter().for_each(|entry| poke(entry, word(entry) & !(ACCESSED | DIRTY)));
    page_entry::invalidate(address);
}
