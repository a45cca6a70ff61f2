// SPDX-License-Identifier: MIT OR Apache-2.0
//! From our page numbers to the machine's (p2m, ours) and back (m2p, the hypervisor's). In a PVH
//! guest both are the same.
use core::sync::atomic::{AtomicU64, Ordering};

use spin::Once;
use xen_abi::frame::{Mfn, PAGE_SHIFT, PAGE_SIZE, Pfn};

use crate::arch::{platform, size};

/// The list that a PV builder made: the mfn of each of our pages.
static P2M: Once<&'static [AtomicU64]> = Once::new();

/// Remembers the builder's list. Called once, by a PV guest.
///
/// # Safety
/// `pages` words at `list` are mapped for good and only used through this module.
pub(crate) unsafe fn init(list: u64, pages: usize) {
    let list = core::ptr::with_exposed_provenance::<AtomicU64>(size(list));
    // SAFETY: the caller's promise; an atomic has the layout of its number.
    P2M.call_once(|| unsafe { core::slice::from_raw_parts(list, pages) });
}

/// The list, by pfn; empty in a PVH guest.
pub(crate) fn list() -> &'static [AtomicU64] {
    P2M.get().copied().unwrap_or_default()
}

/// The frame behind one of our pages; `None` if we have no such page.
pub(crate) fn pfn_to_mfn(pfn: Pfn) -> Option<Mfn> {
    let Some(list) = P2M.get() else { return Some(Mfn::new(pfn.get())) };
    let index = usize::try_from(pfn.get()).ok()?;
    list.get(index).map(|mfn| Mfn::new(mfn.load(Ordering::Relaxed)))
}

/// Puts another frame behind one of our pages, if that can be.
pub(super) fn set(pfn: Pfn, mfn: Mfn) {
    if let Some(entry) = list().get(size(pfn.get())) {
        entry.store(mfn.get(), Ordering::Relaxed);
    }
}

/// The address of one of our pages, by its frame: the builder's rings and page tables.
pub(crate) fn own_page(mfn: Mfn) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(size(platform().mfn_to_pfn(mfn).get() << PAGE_SHIFT))
}

/// The frame in which an address of our own memory lies.
pub(crate) fn virt_to_mfn(address: usize) -> Mfn {
    let pfn = Pfn::new((address / PAGE_SIZE) as u64);
    pfn_to_mfn(pfn).expect("an address of our own memory")
}
