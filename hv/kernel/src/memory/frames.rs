// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine's frames: the frame table, the allocator, the M2P and the hypervisor's L4 slots.
use core::ptr::NonNull;

use hv_core::buddy::Buddy;
use hv_core::frame_memory::FrameMemory;
use hv_core::frame_table::FrameTable;
use hv_core::page_type::Machine;
use spin::{Mutex, Once};
use xen_abi::frame::{Maddr, Mfn, Pfn};

use super::direct_map::{self, DirectMap};
use crate::machine::Host;

/// What boot found out about memory.
pub struct Frames {
    /// The frame table.
    pub table: FrameTable<'static>,
    /// First frame of the M2P, which is contiguous.
    pub m2p: Mfn,
    /// An L4 with the hypervisor's slots and nothing else, loaded while idle.
    pub root: Mfn,
    /// A frame of zeros that is never written.
    pub zero: Mfn,
    /// The L1 of the pCPU area's first 2 MiB, with the descriptor windows.
    pub pcpu_table: Mfn,
}

static FRAMES: Once<Frames> = Once::new();
static FREE: Mutex<Buddy> = Mutex::new(Buddy::new());

/// Called once at boot.
pub fn init(frames: Frames) {
    FRAMES.call_once(|| frames);
}

/// What boot found out about memory.
pub fn frames() -> &'static Frames {
    FRAMES.get().expect("frames are used only after boot has counted them")
}

/// The frame table.
pub fn table() -> FrameTable<'static> {
    frames().table
}

/// The allocator, locked.
pub fn allocator() -> spin::MutexGuard<'static, Buddy> {
    FREE.lock()
}

/// Allocates `1 << order` zeroed frames for the hypervisor.
pub fn alloc_zeroed(order: u32) -> Option<Mfn> {
    let first = allocator().alloc(table(), order)?;
    make_fresh(first, order);
    Some(first)
}

/// Wipes what frames from the allocator hold, and what TLBs may still know of them.
pub fn make_fresh(first: Mfn, order: u32) {
    for frame in first.get()..first.get() + (1 << order) {
        flush_earlier_use(Mfn::new(frame));
        direct_map::zero(Mfn::new(frame));
    }
}

/// Flushes TLBs that may hold an earlier use of a frame.
pub fn flush_earlier_use(mfn: Mfn) {
    if table().frame(mfn).tlb_stamp() == Host.tlb_clock() {
        Host.flush_tlb();
    }
}

/// Gives back frames that `alloc_zeroed` gave.
pub fn free(first: Mfn, order: u32) {
    allocator().free(table(), first, order);
}

/// The order of a block that holds a `T`.
pub const fn order_of<T>() -> u32 {
    size_of::<T>().div_ceil(4096).next_power_of_two().trailing_zeros()
}

/// Allocates zeroed frames for a structure.
pub fn alloc_for<T>() -> Option<NonNull<T>> {
    let first = alloc_zeroed(order_of::<T>())?;
    NonNull::new(direct_map::pointer(first.maddr()))
}

/// Gives back what `alloc_for` gave; whatever was in it must have been dropped.
pub fn free_for<T>(pointer: NonNull<T>) {
    free(direct_map::maddr(pointer.as_ptr()).mfn(), order_of::<T>());
}

/// Writes the M2P entry of `mfn`, which the frame table covers.
pub fn set_m2p(mfn: Mfn, pfn: Pfn) {
    assert!(mfn.get() < table().len(), "an M2P entry of a frame that does not exist");
    let at = Maddr::new(frames().m2p.maddr().get() + mfn.get() * 8);
    DirectMap.write_u64(at, pfn.get());
}

/// The M2P entry of `mfn`, which the frame table covers.
pub fn m2p(mfn: Mfn) -> Pfn {
    assert!(mfn.get() < table().len(), "an M2P entry of a frame that does not exist");
    Pfn::new(DirectMap.read_u64(Maddr::new(frames().m2p.maddr().get() + mfn.get() * 8)))
}
