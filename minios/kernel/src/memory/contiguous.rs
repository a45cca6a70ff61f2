// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory for devices: pages whose frames follow each other.
use alloc::vec::Vec;

use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Mfn, PAGE_SHIFT, PAGE_SIZE, Pfn};

use super::p2m;
use super::page::PageRun;
use super::page_table::{READ_WRITE, map_pages, unmap_pages};
use super::shared_pages::SharedPages;
use crate::arch::size;
use crate::hypercall::memory_op;

/// Pages of ours with adjacent frames; they stay adjacent when they are freed.
pub(crate) struct Contiguous(PageRun);

impl Contiguous {
    pub(super) fn base(&self) -> *mut u8 {
        self.0.base()
    }

    pub(super) fn pages(&self) -> usize {
        self.0.count()
    }
}

/// Zeroed pages with adjacent frames whose addresses are below `1 << address_bits` (64: any).
///
/// `mfn(0)` of the result is where a device finds the first one.
///
/// ```no_run
/// let queue = minios::memory::alloc_contiguous(4, 32)?;
/// let for_the_device = queue.mfn(0).maddr();
/// assert_eq!(queue.mfn(3).get(), queue.mfn(0).get() + 3);
/// # let _ = for_the_device;
/// # Ok::<(), minios::Errno>(())
/// ```
///
/// # Errors
/// `ENOMEM` if we or the hypervisor have no such memory; `EPERM` if this domain may not ask for it.
pub fn alloc_contiguous(pages: usize, address_bits: u32) -> Result<SharedPages, Errno> {
    let pages = pages.max(1);
    let run = PageRun::alloc(pages)?;
    let run = if is_contiguous(&run, address_bits) {
        run
    } else {
        // The hypervisor gives powers of two.
        drop(run);
        let run = PageRun::alloc(pages.next_power_of_two())?;
        exchange(&run, address_bits)?;
        run
    };
    let shared = SharedPages::from_contiguous(Contiguous(run));
    shared.fill(0, shared.len(), 0);
    Ok(shared)
}

fn frames(run: &PageRun) -> impl Iterator<Item = Mfn> {
    let first = run.first() as u64;
    (first..first + run.count() as u64)
        .map(|pfn| p2m::pfn_to_mfn(Pfn::new(pfn)).expect("a page of ours"))
}

fn is_contiguous(run: &PageRun, address_bits: u32) -> bool {
    let Some(first) = frames(run).next() else { return false };
    let limit = 1u64.checked_shl(address_bits).map_or(u64::MAX, |bytes| bytes >> PAGE_SHIFT);
    (first.get()..).zip(frames(run)).all(|(wanted, mfn)| mfn.get() == wanted && wanted < limit)
}

/// Exchanges the frames behind the run for adjacent ones.
fn exchange(run: &PageRun, address_bits: u32) -> Result<(), Errno> {
    let old: Vec<Mfn> = frames(run).collect();
    let (first, va) = (Pfn::new(run.first() as u64), run.base().addr() as u64);
    let bits = if address_bits >= u64::BITS { 0 } else { address_bits };
    unmap_pages(va, old.len() as u64);
    // SAFETY: the pages are ours alone, and were just unmapped.
    let result = unsafe {
        memory_op::exchange_for_contiguous(&old, first, old.len().trailing_zeros(), bits)
    };
    let new: Vec<Mfn> = match result {
        Ok(start) => (start.get()..).take(old.len()).map(Mfn::new).collect(),
        Err(_) => old,
    };
    for (pfn, &mfn) in (first.get()..).zip(&new) {
        p2m::set(Pfn::new(pfn), mfn);
    }
    debug_assert_eq!(size(va), run.first() * PAGE_SIZE);
    map_pages(va, new.iter().copied(), READ_WRITE, DomId::SELF)?;
    result.map(drop)
}
