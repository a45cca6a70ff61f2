// SPDX-License-Identifier: MIT OR Apache-2.0
//! From our page numbers to the machine's (p2m, ours) and back (m2p, the hypervisor's).
use core::sync::atomic::{AtomicU64, Ordering};

use crate::arch::size;
use spin::Once;
use xen_abi::frame::{Mfn, PAGE_SHIFT, PAGE_SIZE, Pfn};

/// Where the hypervisor shows the m2p table to PV guests: public/arch-x86/xen-x86_64.h.
const M2P: u64 = 0xffff_8000_0000_0000;

/// The list that the builder made: the mfn of each of our pages.
static P2M: Once<&'static [AtomicU64]> = Once::new();

/// Remembers the builder's list. Called once, by [`super::init`].
///
/// # Safety
/// `pages` words at `list` are mapped for good and only used through this module.
pub(super) unsafe fn init(list: u64, pages: usize) {
    let list = core::ptr::with_exposed_provenance::<AtomicU64>(size(list));
    // SAFETY: the caller's promise; an atomic has the layout of its number.
    P2M.call_once(|| unsafe { core::slice::from_raw_parts(list, pages) });
}

/// The list, by pfn.
pub(super) fn list() -> &'static [AtomicU64] {
    P2M.get().expect("memory::init fills it")
}

/// The frame behind one of our pages; `None` if we have no such page.
pub(crate) fn pfn_to_mfn(pfn: Pfn) -> Option<Mfn> {
    let index = usize::try_from(pfn.get()).ok()?;
    list().get(index).map(|mfn| Mfn::new(mfn.load(Ordering::Relaxed)))
}

/// Puts another frame behind one of our pages.
pub(super) fn set(pfn: Pfn, mfn: Mfn) {
    list()[size(pfn.get())].store(mfn.get(), Ordering::Relaxed);
}

/// Which of our pages a frame of ours is behind. Only for frames that are ours.
pub(crate) fn mfn_to_pfn(mfn: Mfn) -> Pfn {
    let entry = M2P + mfn.get() * 8;
    // SAFETY: the table is mapped for every frame that a page table or start_info of ours names.
    Pfn::new(unsafe { core::ptr::with_exposed_provenance::<u64>(size(entry)).read_volatile() })
}

/// The address of one of our pages, by its frame: the builder's rings and page tables.
pub(crate) fn own_page(mfn: Mfn) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(size(mfn_to_pfn(mfn).get() << PAGE_SHIFT))
}

/// The frame in which an address of our own memory lies.
pub(crate) fn virt_to_mfn(address: usize) -> Mfn {
    let pfn = Pfn::new((address / PAGE_SIZE) as u64);
    pfn_to_mfn(pfn).expect("an address of our own memory")
}
