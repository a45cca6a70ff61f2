// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory of a PV guest at boot: from the builder's few mapped megabytes to all of it, with the
//! right rights.
use core::sync::atomic::{AtomicU64, Ordering};

use minios_core::page_ranges::PageRanges;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Mfn, PAGE_SHIFT, PAGE_SIZE, Pfn};
use xen_abi::mmu::{ENTRIES, Pte, PteFlags};

use crate::arch::{image, shared_info, size};
use crate::memory::{
    BootMemory, BootPages, READ_ONLY, READ_WRITE, Updates, own_page, p2m, page_table, rights,
};
use crate::start_info::{is_initial_domain, start_info};

const PAGE: u64 = PAGE_SIZE as u64;

/// Takes over all of the domain's memory. `builder_stack` is the end of the builder's stack page.
pub(super) fn init(builder_stack: u64) -> BootMemory {
    let info = start_info();
    let pages = info.nr_pages;
    // SAFETY: the builder mapped the list for good, and made nobody else use it.
    unsafe { p2m::init(info.mfn_list.get(), size(pages)) };
    page_table::init(p2m::virt_to_mfn(size(info.pt_base.get())));

    let end = builder_end(builder_stack);
    // The builder left 512 KiB, and each page that becomes a table maps 512 more.
    let mut boot = BootPages::new(end);
    let mapped = protect(pages).expect("the hypervisor lets us lower our rights");
    map_rest(mapped, pages, &mut boot).expect("the hypervisor lets us map our own pages");
    make_p2m_tree(&mut boot);
    publish_p2m();
    let mut free = PageRanges::new();
    free.add(1..image::bytes().start / PAGE);
    free.add(end / PAGE..pages);
    BootMemory { free, boot }
}

/// The end of all that the builder made.
fn builder_end(builder_stack: u64) -> u64 {
    let info = start_info();
    let module_end = if info.mod_start == 0 { 0 } else { info.mod_start + info.mod_len };
    let page_of = |mfn: Mfn| own_page(mfn).addr() as u64 + PAGE;
    let rings = if is_initial_domain() {
        0
    } else {
        page_of(info.store_mfn).max(page_of(info.console_mfn()))
    };
    [
        builder_stack,
        info.pt_base.get() + info.nr_pt_frames * PAGE,
        info.mfn_list.get() + info.nr_pages * 8,
        super::start_info_page() as u64 + PAGE,
        module_end,
        rings,
    ]
    .into_iter()
    .max()
    .unwrap_or(builder_stack)
    .next_multiple_of(PAGE)
}

/// Gives what the builder mapped (all of it writable and executable) the rights it needs, page by
/// page; returns the first address that is not mapped.
fn protect(pages: u64) -> Result<u64, Errno> {
    let mut updates = Updates::new(DomId::SELF);
    let mut va = 0;
    while va < pages * PAGE
        && let Some(entry) = page_table::leaf(va).filter(|entry| entry.is_present())
    {
        updates.push(page_table::slot_for(va)?, protected(va, entry))?;
        va += PAGE;
    }
    updates.flush()?;
    crate::arch::platform().flush_tlb();
    Ok(va)
}

/// The entry that a page of the builder's should have.
fn protected(va: u64, entry: Pte) -> Pte {
    let shared = core::ptr::from_ref(shared_info()).addr() as u64;
    match rights(va) {
        _ if va == shared => entry,
        None => Pte::EMPTY,
        // What the builder mapped read-only is a page table.
        Some(_) if !entry.flags().contains(PteFlags::WRITABLE) => Pte::new(entry.mfn(), READ_ONLY),
        Some(flags) => Pte::new(entry.mfn(), flags),
    }
}

/// Maps the pages from address `mapped` on: a new lowest-level table for each 2 MiB.
fn map_rest(mapped: u64, pages: u64, boot: &mut BootPages) -> Result<(), Errno> {
    let mut va = mapped;
    let mut updates = Updates::new(DomId::SELF);
    while va < pages * PAGE {
        if page_table::leaf(va).is_some() {
            // A table that the builder filled in part.
            let entry = own_entry(va / PAGE);
            updates.push(page_table::slot_for(va)?, entry)?;
            va += PAGE;
            continue;
        }
        updates.flush()?;
        let table = boot.take(1);
        let entries = core::ptr::with_exposed_provenance_mut::<[u64; ENTRIES]>(size(table));
        // SAFETY: boot.take gave the page for this alone; it is mapped and aligned.
        let entries = unsafe { &mut *entries };
        for (pfn, entry) in (va / PAGE..pages).zip(entries.iter_mut()) {
            *entry = own_entry(pfn).raw();
        }
        let slot = page_table::slot_with(va, 2, || Ok(boot.take(1)))?;
        page_table::link_table(slot, table)?;
        va += ENTRIES as u64 * PAGE;
    }
    updates.flush()
}

fn own_entry(pfn: u64) -> Pte {
    Pte::new(p2m::pfn_to_mfn(Pfn::new(pfn)).expect("a page of ours"), READ_WRITE)
}

/// Entries in a page of the tree that leads to the p2m list.
const PER_PAGE: usize = PAGE_SIZE / 8;
/// The root of the tree; the pages below it follow it.
static P2M_TREE: AtomicU64 = AtomicU64::new(0);

/// All frames are others: those that are remembered or published are put right.
pub(super) fn resume() {
    page_table::init(p2m::virt_to_mfn(size(start_info().pt_base.get())));
    publish_p2m();
}

/// Takes pages for the tree of frame numbers.
fn make_p2m_tree(boot: &mut BootPages) {
    let list_pages = p2m::list().len().div_ceil(PER_PAGE);
    let tree = boot.take(1 + list_pages.div_ceil(PER_PAGE));
    P2M_TREE.store(tree, Ordering::Relaxed);
}

/// Tells tools that save the domain where the p2m is, in both forms that they know: a tree of
/// frame numbers, and the list's address together with the page tables that map it.
fn publish_p2m() {
    let list = start_info().mfn_list.get();
    let list_pages = p2m::list().len().div_ceil(PER_PAGE);
    let root = P2M_TREE.load(Ordering::Relaxed);
    for (index, first) in (0..list_pages).step_by(PER_PAGE).enumerate() {
        let middle = root + (1 + index as u64) * PAGE;
        for page in first..list_pages.min(first + PER_PAGE) {
            set_word(middle, page - first, list + page as u64 * PAGE);
        }
        set_word(root, index, middle);
    }
    let arch = &shared_info().arch;
    arch.max_pfn.store(p2m::list().len() as u64, Ordering::Relaxed);
    arch.pfn_to_mfn_frame_list_list.store(mfn_of(root), Ordering::Relaxed);
    arch.p2m_vaddr.store(list, Ordering::Relaxed);
    arch.p2m_cr3.store(page_table::root().get() << PAGE_SHIFT, Ordering::Release);
}

/// Writes the frame number of the page at `va` to word `index` of the page at `table`.
fn set_word(table: u64, index: usize, va: u64) {
    let word = core::ptr::with_exposed_provenance_mut::<u64>(size(table) + index * 8);
    // SAFETY: `table` is a page of the tree, `index` below its 512 words.
    unsafe { word.write(mfn_of(va)) };
}

fn mfn_of(va: u64) -> u64 {
    p2m::virt_to_mfn(size(va)).get()
}
