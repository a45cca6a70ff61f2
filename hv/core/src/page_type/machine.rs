// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Machine`]: what the page type rules need from the rest of the hypervisor.
use xen_abi::domain::DomId;
use xen_abi::frame::Mfn;

use crate::frame_memory::FrameMemory;
use crate::frame_table::FrameTable;

/// Frames, their bookkeeping, and who may do what with device memory.
pub trait Machine: FrameMemory {
    /// The bookkeeping of all frames.
    fn frame_table(&self) -> FrameTable<'_>;

    /// What slot `slot` (256 to 271) of every new L4 holds.
    fn hypervisor_entry(&self, slot: u64) -> u64;

    /// Whether `domain` may map the device memory frame `mfn`.
    fn io_permitted(&self, domain: DomId, mfn: Mfn) -> bool;

    /// Whether the device memory frame `mfn` is mapped for reading only, whatever a domain asks for.
    fn io_read_only(&self, mfn: Mfn) -> bool;

    /// Whether `domain` may choose how its mappings of device memory are cached: it has some.
    fn cache_control_permitted(&self, domain: DomId) -> bool;

    /// Number of complete TLB flushes so far.
    fn tlb_clock(&self) -> u32;

    /// Flushes all guest translations, and so advances [`Self::tlb_clock`].
    fn flush_tlb(&self);

    /// The last reference to a frame of `owner` is gone: takes it off the owner's page list (if
    /// it is not a shared frame), forgets type and M2P entry, and gives it to the allocator,
    /// zeroed.
    fn release(&self, owner: DomId, mfn: Mfn);

    /// Adds a table to `owner`'s [`super::WorkQueue`].
    fn push_work(&self, owner: DomId, table: Mfn);

    /// Takes a table from `owner`'s [`super::WorkQueue`].
    fn pop_work(&self, owner: DomId) -> Option<Mfn>;
}
