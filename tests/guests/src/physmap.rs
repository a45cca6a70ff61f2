// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is where in a PVH guest's own physical address space.
use xen_abi::domain::DomId;
use xen_abi::hypercall::Hypercall;
use xen_abi::memory::{AddToPhysmap, MemoryOp, MemoryReservation, PhysmapSpace, join_cmd};

use crate::hypercall::{at_mut, call2};

/// Executes a `memory_op`, from the extent `start` on.
pub fn op<T>(op: MemoryOp, start: u64, arg: &mut T) -> i64 {
    call2(Hypercall::MemoryOp, join_cmd(op, start), at_mut(arg))
}

/// A request for ourselves.
#[must_use]
pub fn request(space: PhysmapSpace, idx: u64, gpfn: u64) -> AddToPhysmap {
    AddToPhysmap { domid: DomId::SELF, size: 0, space: space.raw(), idx, gpfn }
}

/// Puts something of a space at a frame number.
pub fn add(space: PhysmapSpace, idx: u64, gpfn: u64) -> i64 {
    op(MemoryOp::AddToPhysmap, 0, &mut request(space, idx, gpfn))
}

/// Moves a frame.
pub fn move_frame(from: u64, to: u64) -> i64 {
    add(PhysmapSpace::Gmfn, from, to)
}

/// Moves `size` frames, but for the first `start`.
pub fn move_range(from: u64, to: u64, size: u16, start: u64) -> i64 {
    let mut arg = AddToPhysmap { size, ..request(PhysmapSpace::GmfnRange, from, to) };
    op(MemoryOp::AddToPhysmap, start, &mut arg)
}

/// Gives 2^`order` pages back, or gets new ones: 1 if that was done.
pub fn reservation(which: MemoryOp, mut gfn: u64, order: u32) -> i64 {
    let mut arg = MemoryReservation {
        extent_start: at_mut(&mut gfn),
        nr_extents: 1,
        extent_order: order,
        domid: DomId::SELF,
        ..Default::default()
    };
    op(which, 0, &mut arg)
}

/// Gets a new page.
pub fn populate(gfn: u64) -> i64 {
    reservation(MemoryOp::PopulatePhysmap, gfn, 0)
}

/// Gives a page back.
pub fn decrease(gfn: u64) -> i64 {
    reservation(MemoryOp::DecreaseReservation, gfn, 0)
}
