// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our page tables. We read them directly; a PV guest writes them by hypercall, and its entries
//! hold machine frames.
use core::sync::atomic::{AtomicU64, Ordering};

use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Maddr, Mfn, PAGE_SHIFT, PAGE_SIZE, VirtAddr};
use xen_abi::mmu::{LEVELS, MmuUpdate, MmuUpdateKind, Pte, PteFlags, va_index};

use super::p2m::virt_to_mfn;
use super::page;
use crate::arch::{platform, size};

/// A page with code. USER because a PV guest lives in ring 3 (a PVH guest has no SMEP or SMAP
/// that would mind); accessed and dirty are set at once,
/// so that the processor need not.
pub(crate) const EXECUTE: PteFlags =
    PteFlags::PRESENT.union(PteFlags::USER).union(PteFlags::ACCESSED).union(PteFlags::DIRTY);
/// A page with constants.
pub(crate) const READ_ONLY: PteFlags = EXECUTE.union(PteFlags::NO_EXECUTE);
/// A page with data.
pub(crate) const READ_WRITE: PteFlags = READ_ONLY.union(PteFlags::WRITABLE);
/// A page of device registers.
pub(crate) const DEVICE: PteFlags =
    READ_WRITE.union(PteFlags::NO_CACHE).union(PteFlags::WRITE_THROUGH);
/// An entry that names a table.
const TABLE: PteFlags = EXECUTE.union(PteFlags::WRITABLE);

/// Updates handed to the hypervisor in one call.
const BATCH: usize = 64;

/// The frame of the top table.
static ROOT: AtomicU64 = AtomicU64::new(0);

/// Remembers the top table. Called by the platform, again if its frame has changed.
pub(crate) fn init(root: Mfn) {
    ROOT.store(root.get(), Ordering::Relaxed);
}

/// The frame of the top table.
pub(crate) fn root() -> Mfn {
    Mfn::new(ROOT.load(Ordering::Relaxed))
}

/// Where an entry lies: its table and index.
#[derive(Clone, Copy)]
struct Slot {
    table: Mfn,
    index: usize,
}

impl Slot {
    /// The entry for `va` in this table of `level` (4 is the top).
    fn new(table: Mfn, va: u64, level: u32) -> Self {
        Self { table, index: va_index(level, VirtAddr::new(va)) }
    }

    fn maddr(self) -> Maddr {
        Maddr::new(self.table.maddr().get() + self.index as u64 * 8)
    }

    fn read(self) -> Pte {
        let table = platform().mfn_to_pfn(self.table).get() << PAGE_SHIFT;
        let entry = core::ptr::with_exposed_provenance::<u64>(size(table) + self.index * 8);
        // SAFETY: tables are pages of ours, mapped read-only; the processor may set bits in them.
        Pte::from_raw(unsafe { entry.read_volatile() })
    }
}

/// The lowest-level entry of `va`, if there is a table for it.
pub(crate) fn leaf(va: u64) -> Option<Pte> {
    let mut table = root();
    for level in (2..=LEVELS).rev() {
        let entry = Slot::new(table, va, level).read();
        if !entry.is_present() {
            return None;
        }
        table = entry.mfn();
    }
    Some(Slot::new(table, va, 1).read())
}

/// Where the entry of `va` at `level` lies; makes the tables that are missing above it, with pages
/// from `new_page` (addresses of zeroed pages of ours).
pub(crate) fn slot_with(
    va: u64,
    level: u32,
    mut new_page: impl FnMut() -> Result<u64, Errno>,
) -> Result<Maddr, Errno> {
    let mut table = root();
    for above in (level + 1..=LEVELS).rev() {
        let slot = Slot::new(table, va, above);
        let entry = slot.read();
        table =
            if entry.is_present() { entry.mfn() } else { link_table(slot.maddr(), new_page()?)? };
    }
    Ok(Slot::new(table, va, level).maddr())
}

/// Where the lowest-level entry of `va` lies; missing tables are made.
pub(crate) fn slot_for(va: u64) -> Result<Maddr, Errno> {
    slot_with(va, 1, page::leak_zeroed)
}

/// Makes a page of ours a table, named by the entry at `slot`; gives its frame.
pub(crate) fn link_table(slot: Maddr, page: u64) -> Result<Mfn, Errno> {
    let mfn = virt_to_mfn(size(page));
    platform().seal_table(page)?;
    let update = MmuUpdate::new(MmuUpdateKind::Normal, slot, Pte::new(mfn, TABLE).raw());
    platform().write_entries(&[update], DomId::SELF)?;
    Ok(mfn)
}

/// Collects writes of page table entries, and makes them by the batch.
pub(crate) struct Updates {
    batch: heapless::Vec<MmuUpdate, BATCH>,
    owner: DomId,
}

impl Updates {
    /// No writes yet; `owner` is the domain whose frames get mapped.
    pub(crate) fn new(owner: DomId) -> Self {
        Self { batch: heapless::Vec::new(), owner }
    }

    /// Writes `entry` at `slot`, now or with those that follow.
    pub(crate) fn push(&mut self, slot: Maddr, entry: Pte) -> Result<(), Errno> {
        let _ = self.batch.push(MmuUpdate::new(MmuUpdateKind::Normal, slot, entry.raw()));
        if self.batch.is_full() { self.flush() } else { Ok(()) }
    }

    /// Makes the writes that are still waiting.
    pub(crate) fn flush(&mut self) -> Result<(), Errno> {
        let result = platform().write_entries(&self.batch, self.owner);
        self.batch.clear();
        result
    }
}

/// Maps frames of `owner` at `va`, one after the other. On an error none stays mapped.
pub(crate) fn map_pages(
    va: u64,
    frames: impl ExactSizeIterator<Item = Mfn>,
    flags: PteFlags,
    owner: DomId,
) -> Result<(), Errno> {
    let pages = frames.len() as u64;
    let mut updates = Updates::new(owner);
    let result = (va..)
        .step_by(PAGE_SIZE)
        .zip(frames)
        .try_for_each(|(va, mfn)| updates.push(slot_for(va)?, Pte::new(mfn, flags)))
        .and_then(|()| updates.flush());
    if result.is_err() {
        unmap_pages(va, pages);
    }
    result
}

/// Unmaps `pages` pages at `va`, whatever they were.
pub(crate) fn unmap_pages(va: u64, pages: u64) {
    let mut updates = Updates::new(DomId::SELF);
    (va..)
        .step_by(PAGE_SIZE)
        .take(size(pages))
        .filter_map(|va| slot_for(va).ok())
        .try_for_each(|slot| updates.push(slot, Pte::EMPTY))
        .and_then(|()| updates.flush())
        .expect("an entry may always become empty");
    platform().flush_tlb();
}
