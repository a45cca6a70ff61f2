// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine of a few frames on the host, with the books checked at the end.
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::vec::Vec;

use xen_abi::domain::DomId;
use xen_abi::frame::{Maddr, Mfn};

use super::super::{Machine, PageTypes, Stop, Update, WorkQueue};
use crate::audit::Audit;
use crate::frame_memory::FrameMemory;
use crate::frame_table::FrameTable;
use crate::page_info::PageInfo;
use crate::page_table::{Entry, entry_at};

pub(crate) const DOM0: DomId = DomId::new(0);
pub(crate) const DOM1: DomId = DomId::new(1);
/// Flags of a leaf.
pub(crate) const RO: u64 = Entry::PRESENT | Entry::USER;
pub(crate) const RW: u64 = RO | Entry::WRITABLE;
/// Frames of the machine; the rest is device memory.
pub(crate) const FRAMES: u64 = 2048;
/// From here on the frames are [`DOM0`]'s.
pub(crate) const DOM0_FIRST: u64 = 1536;
/// Frames 1 to this one are the hypervisor's.
const HYPERVISOR_LAST: u64 = 15;

/// Device memory of [`DOM0`].
pub(crate) const DEVICE: u64 = 0xf_0000;
/// Such that nobody may write.
pub(crate) const READ_ONLY_DEVICE: u64 = 0xf_0001;

pub(crate) struct Fake {
    pages: Vec<PageInfo>,
    memory: Vec<Cell<u64>>,
    queues: RefCell<BTreeMap<u16, WorkQueue>>,
    clock: Cell<u32>,
    pub(crate) flushes: Cell<u32>,
    pub(crate) released: RefCell<Vec<Mfn>>,
}

impl Fake {
    /// A machine where frames 16 to 1535 are [`DOM1`]'s and the rest [`DOM0`]'s.
    pub(crate) fn new() -> Self {
        let fake = Self {
            pages: (0..FRAMES).map(|_| PageInfo::default()).collect(),
            memory: (0..FRAMES * 512).map(|_| Cell::new(0)).collect(),
            queues: RefCell::default(),
            clock: Cell::new(1),
            flushes: Cell::new(0),
            released: RefCell::default(),
        };
        for mfn in HYPERVISOR_LAST + 1..FRAMES {
            let owner = if mfn < DOM0_FIRST { DOM1 } else { DOM0 };
            fake.frame_table().assign(Mfn::new(mfn), owner);
        }
        fake
    }

    pub(crate) fn page(&self, mfn: u64) -> &PageInfo {
        self.frame_table().frame(Mfn::new(mfn))
    }

    fn word(&self, at: Maddr) -> &Cell<u64> {
        &self.memory[usize::try_from(at.get() / 8).unwrap()]
    }

    /// Operations with room for everything.
    pub(crate) fn types(&self) -> PageTypes<'_, Self> {
        PageTypes::new(self, u32::MAX)
    }

    pub(crate) fn set(&self, table: u64, slot: u64, entry: Entry) {
        self.write_u64(entry_at(Mfn::new(table), slot), entry.get());
    }

    pub(crate) fn map(&self, table: u64, slot: u64, mfn: u64, flags: u64) {
        self.set(table, slot, Entry::map(Mfn::new(mfn), flags));
    }

    pub(crate) fn entry(&self, table: u64, slot: u64) -> Entry {
        Entry::new(self.read_u64(entry_at(Mfn::new(table), slot)))
    }

    /// `mmu_update` of [`DOM1`] for itself.
    pub(crate) fn update(&self, table: u64, slot: u64, entry: Entry) -> Result<(), Stop> {
        let types = self.types();
        let result = types.update_entry(&update(table, slot, entry));
        types.settle_all(DOM1).unwrap();
        result
    }

    /// Number of frames whose references are wrong.
    pub(crate) fn recount(&self) -> u64 {
        Audit::start(self).finish(|difference| std::eprintln!("{difference}"))
    }

    /// Fails the test unless nothing but the allocation refers to any frame of a domain.
    pub(crate) fn assert_unused(&self) {
        for (mfn, page) in self.pages.iter().enumerate().skip(16) {
            assert!(page.type_word().is_idle(), "type of {mfn}: {:?}", page.type_word());
            assert_eq!(page.state().count(), 1, "references of {mfn}");
        }
    }
}

/// The wish of [`DOM1`] to change an entry of its own tables for its own frames.
pub(crate) fn update(table: u64, slot: u64, entry: Entry) -> Update {
    Update {
        at: entry_at(Mfn::new(table), slot),
        entry,
        table_owner: DOM1,
        page_owner: DOM1,
        keep_usage: false,
    }
}

impl FrameMemory for Fake {
    fn read_u64(&self, at: Maddr) -> u64 {
        self.word(at).get()
    }

    fn write_u64(&self, at: Maddr, value: u64) {
        self.word(at).set(value);
    }

    fn compare_exchange_u64(&self, at: Maddr, current: u64, new: u64) -> Result<(), u64> {
        let found = self.read_u64(at);
        if found != current {
            return Err(found);
        }
        self.write_u64(at, new);
        Ok(())
    }

    fn zero_frame(&self, frame: Mfn) {
        (0..512).for_each(|slot| self.write_u64(entry_at(frame, slot), 0));
    }

    fn copy_frame(&self, from: Mfn, to: Mfn) {
        for slot in 0..512 {
            self.write_u64(entry_at(to, slot), self.read_u64(entry_at(from, slot)));
        }
    }
}

impl Machine for Fake {
    fn frame_table(&self) -> FrameTable<'_> {
        FrameTable::new(&self.pages)
    }

    fn hypervisor_entry(&self, slot: u64) -> u64 {
        slot << 12 | Entry::PRESENT
    }

    fn io_permitted(&self, domain: DomId, mfn: Mfn) -> bool {
        domain == DOM0 && [DEVICE, READ_ONLY_DEVICE].contains(&mfn.get())
    }

    fn io_read_only(&self, mfn: Mfn) -> bool {
        mfn.get() == READ_ONLY_DEVICE
    }

    fn cache_control_permitted(&self, domain: DomId) -> bool {
        domain == DOM0
    }

    fn tlb_clock(&self) -> u32 {
        self.clock.get()
    }

    fn flush_tlb(&self) {
        self.clock.set(self.clock.get() + 1);
        self.flushes.set(self.flushes.get() + 1);
    }

    fn release(&self, _owner: DomId, mfn: Mfn) {
        self.page(mfn.get()).reset_type();
        self.zero_frame(mfn);
        self.released.borrow_mut().push(mfn);
    }

    fn push_work(&self, owner: DomId, table: Mfn) {
        self.queues.borrow_mut().entry(owner.get()).or_default().push(self.frame_table(), table);
    }

    fn pop_work(&self, owner: DomId) -> Option<Mfn> {
        self.queues.borrow_mut().entry(owner.get()).or_default().pop(self.frame_table())
    }
}
