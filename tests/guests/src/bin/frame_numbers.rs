// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every frame number of a guest in hardware virtualization, below 4 GiB one by one: the hypervisor
//! finds a frame behind those alone that are the guest's. A copy by frame number looks into the tables
//! that the processor walks, or that shadows are made of, and a hypercall has 512 of them; `isolation`
//! asks the processor itself, here and there.
#![no_std]
#![no_main]

use core::arch::x86_64::{__cpuid, __cpuid_count};
use core::ops::Range;

use minios::DomId;
use minios::memory::SharedPages;
use test_guests::hypercall::{at_mut, call3};
use test_report::Report;
use xen_abi::grant_table::{CopyPtr, GrantCopy, GrantStatus, GrantTableOp};
use xen_abi::hypercall::Hypercall;

test_report::guest!(run, only_pvh = "a PV guest's frame numbers are the machine's");

/// Frame numbers of one hypercall.
const BATCH: usize = 512;
/// The first one behind memory, and behind what minios has put there.
const BEHIND_MEMORY: u64 = 18 << 8;
const GIB_4: u64 = 1 << 20;
/// ACPI tables; rings.
const ITS_OWN: [Range<u64>; 2] = [0xfc000..0xfc010, 0xfeff8..0xff000];

async fn run(report: &mut Report) {
    let Ok(page) = SharedPages::alloc(1) else { return report.error("a page", "no memory") };
    page.store_u64(0, 99);
    let mut copies = Copies { own: page.mfn(0).get(), list: alloc::vec::Vec::new(), reached: 0 };
    let step = if is_slow() { 17 } else { 1 };
    report.figure("step", step as u64);
    (BEHIND_MEMORY..GIB_4).step_by(step).for_each(|gfn| copies.try_both(gfn));
    let width = __cpuid(0x8000_0008).eax & 0xff;
    let end = 1 << (width - 12);
    let far = usize::try_from(end >> 16).unwrap_or(usize::MAX).max(512);
    (GIB_4..end).step_by(far).for_each(|gfn| copies.try_both(gfn));
    for power in (20..64).map(|bit| 1u64 << bit) {
        [power - 1, power, power + 1].into_iter().for_each(|gfn| copies.try_both(gfn));
    }
    copies.flush();
    report.expect("frame numbers beyond its memory that lead somewhere", copies.reached, 0);
    report.expect("its page", page.load_u64(0), 99);
    copies.try_one(copies.own, copies.own);
    copies.flush();
    report.expect("its own leads to its page", copies.reached, 1);
}

/// Bochs, of 50 MHz, would take a minute for what QEMU does in seconds.
fn is_slow() -> bool {
    const KHZ: u32 = 100_000;
    __cpuid_count(0x4000_0003, 0).ecx < KHZ
}

/// Copies from and to frames that are not there, for the next hypercall.
struct Copies {
    /// A frame that is there.
    own: u64,
    list: alloc::vec::Vec<GrantCopy>,
    /// How many were made.
    reached: usize,
}

impl Copies {
    fn try_both(&mut self, gfn: u64) {
        if ITS_OWN.iter().any(|range| range.contains(&gfn)) {
            return;
        }
        self.try_one(gfn, self.own);
        self.try_one(self.own, gfn);
    }

    fn try_one(&mut self, source: u64, dest: u64) {
        let frame = |gfn| CopyPtr { ref_or_gmfn: gfn, domid: DomId::SELF, ..CopyPtr::default() };
        let copy =
            GrantCopy { source: frame(source), dest: frame(dest), len: 8, ..GrantCopy::default() };
        self.list.push(copy);
        if self.list.len() == BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let (list, count) = (at_mut(&mut self.list[..]), self.list.len() as u64);
        let result = call3(Hypercall::GrantTableOp, GrantTableOp::Copy.raw().into(), list, count);
        let is_made = |copy: &&GrantCopy| result != 0 || copy.status != GrantStatus::BAD_PAGE;
        self.reached += self.list.iter().filter(is_made).count();
        self.list.clear();
    }
}

extern crate alloc;
