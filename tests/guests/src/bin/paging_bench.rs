// SPDX-License-Identifier: MIT OR Apache-2.0
//! Not a test: what the kinds of memory virtualization cost (direct paging for PV; second-level
//! tables or shadow paging for PVH), in ticks of the TSC. Under QEMU's `-icount shift=0` a tick is an
//! instruction, and what the processor does to walk tables costs nothing.
#![no_std]
#![no_main]

use core::arch::asm;
use core::arch::x86_64::_rdtsc;
use core::sync::atomic::{AtomicU64, Ordering};

use minios::GuestType;
use minios::memory::SharedPages;
use minios::trap::{TrapFrame, set_handler};
use test_guests::hypercall::{at, call, stub};
use test_guests::page_entry;
use test_report::Report;
use xen_abi::hypercall::Hypercall;
use xen_abi::mmu::{MmuextCmd, MmuextOp, Pte, PteFlags, UVMF_INVLPG};
use xen_abi::trap::VECTOR_PF;

test_report::guest!(run);

const PAGE: usize = 4096;
const ROUNDS: usize = 5;
const CALLS: u64 = 1000;
/// Pages touched in turn.
const MANY: usize = 512;
const READ_ONLY: PteFlags = PteFlags::PRESENT.union(PteFlags::USER).union(PteFlags::ACCESSED);
const WRITABLE: PteFlags = READ_ONLY.union(PteFlags::WRITABLE).union(PteFlags::DIRTY);

/// Where the page is that comes when it is touched, and its entry.
static ADDRESS: AtomicU64 = AtomicU64::new(0);
static ENTRY: AtomicU64 = AtomicU64::new(0);

async fn run(report: &mut Report) {
    let (Ok(window), Ok(root), Ok(many)) =
        (SharedPages::alloc(1), SharedPages::alloc(1), SharedPages::alloc(MANY))
    else {
        return report.error("pages", "no memory");
    };
    fresh_pages(report, &window);
    switches(report, &root);
    many_pages(report, &many);
    // The second root may still be one.
    core::mem::forget(root);
}

fn ticks() -> u64 {
    // SAFETY: reads a counter.
    unsafe { _rdtsc() }
}

/// The least of the rounds, each the ticks of one call of `operation`.
fn least(mut operation: impl FnMut()) -> u64 {
    operation();
    let round = |_| {
        let start = ticks();
        (0..CALLS).for_each(|_| operation());
        (ticks() - start) / CALLS
    };
    (0..ROUNDS).map(round).min().unwrap_or(0)
}

/// A page is unmapped; when it is touched, the handler of its page fault maps it again.
fn fresh_pages(report: &mut Report, window: &SharedPages) {
    ADDRESS.store(window.address() as u64, Ordering::Relaxed);
    ENTRY.store(Pte::new(window.mfn(0), WRITABLE).raw(), Ordering::Relaxed);
    set_handler(VECTOR_PF, bring);
    let (mut touching, mut unmapping) = (u64::MAX, u64::MAX);
    for _ in 0..ROUNDS {
        let (mut touched, mut unmapped) = (0, 0);
        for _ in 0..CALLS {
            let start = ticks();
            unmap();
            let middle = ticks();
            window.store_u32(0, 1);
            unmapped += middle - start;
            touched += ticks() - middle;
        }
        touching = touching.min(touched / CALLS);
        unmapping = unmapping.min(unmapped / CALLS);
    }
    report.figure("a fresh page touched, which its handler maps", touching);
    report.figure("a page unmapped", unmapping);
}

fn bring(_: &mut TrapFrame) -> bool {
    set_entry(ENTRY.load(Ordering::Relaxed), 0);
    true
}

fn unmap() {
    set_entry(0, UVMF_INVLPG);
    if minios::guest_type() == GuestType::Pvh {
        page_entry::invalidate(ADDRESS.load(Ordering::Relaxed));
    }
}

fn set_entry(entry: u64, flush: u64) {
    let address = ADDRESS.load(Ordering::Relaxed);
    if minios::guest_type() == GuestType::Pv {
        stub(Hypercall::UpdateVaMapping, [address, entry, flush, 0, 0]);
    } else {
        page_entry::set(address, entry);
    }
}

/// Between two roots with the same tables below them.
fn switches(report: &mut Report, second: &SharedPages) {
    let first = match minios::guest_type() {
        GuestType::Pv => minios::start_info().pt_base.get(),
        GuestType::Pvh => page_entry::root(),
    };
    // The hypervisor's own are read as they are in a PV guest, and replaced.
    let is_own =
        |slot: &usize| minios::guest_type() == GuestType::Pvh || !(256..272).contains(slot);
    for slot in (0..512).filter(is_own) {
        second.write_value(slot * 8, &test_guests::word(first + slot as u64 * 8));
    }
    let roots = match minios::guest_type() {
        GuestType::Pvh => [second.mfn(0).get() << 12, first],
        GuestType::Pv => {
            let entry = Pte::new(second.mfn(0), READ_ONLY).raw();
            let map = [second.address() as u64, entry, UVMF_INVLPG, 0, 0];
            report.equal("read-only", call(Hypercall::UpdateVaMapping, map), 0);
            let frame = second.mfn(0).get();
            report.equal("pinned", extended(MmuextCmd::PinL4Table, frame), 0);
            let list = minios::start_info().mfn_list.get();
            [frame, test_guests::word(list + (first >> 12) * 8)]
        }
    };
    let both = least(|| roots.into_iter().for_each(switch));
    report.figure("an address-space switch", both / 2);
}

fn extended(cmd: MmuextCmd, frame: u64) -> i64 {
    let op = MmuextOp::new(cmd, frame, 0);
    stub(Hypercall::MmuextOp, [at(&op), 1, 0, 0x7ff0, 0])
}

fn switch(root: u64) {
    if minios::guest_type() == GuestType::Pv {
        extended(MmuextCmd::NewBaseptr, root);
    } else {
        // SAFETY: both roots map the same.
        unsafe { asm!("mov cr3, {}", in(reg) root, options(nostack, preserves_flags)) };
    }
}

/// Translations are forgotten, and each page is touched: as many misses as pages.
fn many_pages(report: &mut Report, many: &SharedPages) {
    let flush = || match minios::guest_type() {
        GuestType::Pv => {
            extended(MmuextCmd::TlbFlushLocal, 0);
        }
        GuestType::Pvh => switch(page_entry::root()),
    };
    let touch = || {
        let sum: u64 = (0..MANY).map(|page| u64::from(many.load_u32(page * PAGE))).sum();
        core::hint::black_box(sum);
    };
    report.figure(
        "512 pages touched after a flush",
        least(|| {
            flush();
            touch();
        }),
    );
    report.figure("512 pages touched", least(touch));
}
