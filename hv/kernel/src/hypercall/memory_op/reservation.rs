// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists of extents to get or to give back. These operations return how many extents were done,
//! and stop at the first that fails; as on Xen there is hardly an error number.
use hv_core::hvm::p2m::{LARGE_PAGES, Leaf};
use hv_core::memory_op::address_bits;
use xen_abi::errno::Errno;
use xen_abi::frame::{Gfn, Mfn, Pfn};
use xen_abi::memory::{MemoryOp, MemoryReservation, join_cmd};

use super::FRAMES_PER_STEP;
use crate::current::Current;
use crate::domain::Domain;
use crate::guest_ptr::GuestPtr;
use crate::hvm::{Hvm, physmap};
use crate::hypercall::Outcome;
use crate::hypercall::argument::{any_domain, require_control};
use crate::memory::{domain_frames, frames};

/// Works through the list of `arg` from extent `start` on.
///
/// # Errors
/// `EPERM` for another domain without privilege over it.
pub(super) fn adjust(
    current: &Current,
    op: MemoryOp,
    start: u64,
    arg: GuestPtr<MemoryReservation>,
) -> Result<Outcome, Errno> {
    let nothing = Ok(Outcome::Done(start));
    let Ok(request) = arg.read() else { return nothing };
    let Some(address_bits) = address_bits(&request) else { return nothing };
    if start >= request.nr_extents {
        return nothing;
    }
    let Ok(domain) = any_domain(current, request.domid) else { return nothing };
    require_control(current, &domain)?;
    let list = GuestPtr::<u64>::new(request.extent_start);
    let mut frames_done: u64 = 0;
    for index in start..request.nr_extents {
        if frames_done >= FRAMES_PER_STEP {
            let again = join_cmd(op, index);
            return Ok(Outcome::Continue([again, arg.address(), 0, 0, 0, 0]));
        }
        let order = request.extent_order;
        let step = list.element(index).and_then(|entry| match op {
            MemoryOp::PopulatePhysmap => populate(&domain, entry, order, address_bits),
            MemoryOp::IncreaseReservation => increase(&domain, list, entry, order, address_bits),
            _ => decrease(&domain, entry, order),
        });
        if step.is_err() {
            return Ok(Outcome::Done(index));
        }
        frames_done = frames_done.saturating_add(1 << order);
    }
    Ok(Outcome::Done(request.nr_extents))
}

/// New frames for the pfn in the list; their number replaces it.
fn populate(
    domain: &Domain,
    entry: GuestPtr<u64>,
    order: u32,
    address_bits: u32,
) -> Result<(), Errno> {
    let pfn = entry.read()?;
    let first = domain_frames::allocate(domain, order, address_bits)?;
    if let Some(hvm) = &domain.hvm {
        return map(domain, hvm, first, order, pfn);
    }
    set_pfns(first, order, pfn);
    entry.write(&first.get())
}

/// Puts a block of new frames behind the numbers from `gfn` on of a PVH domain. What cannot be put
/// there goes back.
fn map(domain: &Domain, hvm: &Hvm, first: Mfn, order: u32, gfn: u64) -> Result<(), Errno> {
    let mut result = Ok(());
    if 1 << order == LARGE_PAGES {
        match physmap::add_large(domain, hvm, Gfn::new(gfn), first) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(errno) => result = Err(errno),
        }
    }
    for (mfn, offset) in domain_frames::block(first, order).zip(0..) {
        let gfn = Gfn::new(gfn.saturating_add(offset));
        result = result.and_then(|()| physmap::add(domain, hvm, gfn, Leaf::own(mfn), domain.id));
        if result.is_err() {
            domain_frames::take_back(domain, mfn)?;
        }
    }
    result
}

/// Writes the M2P entries of a block for the pfns from `pfn` on.
pub(super) fn set_pfns(first: Mfn, order: u32, pfn: u64) {
    for (mfn, offset) in domain_frames::block(first, order).zip(0..) {
        frames::set_m2p(mfn, Pfn::new(pfn.wrapping_add(offset)));
    }
}

/// New frames; their number goes into the list, if there is one.
fn increase(
    domain: &Domain,
    list: GuestPtr<u64>,
    entry: GuestPtr<u64>,
    order: u32,
    address_bits: u32,
) -> Result<(), Errno> {
    let first = domain_frames::allocate(domain, order, address_bits)?;
    if list.is_null() { Ok(()) } else { entry.write(&first.get()) }
}

/// Gives frames back. Those still mapped go when the mapping does.
fn decrease(domain: &Domain, entry: GuestPtr<u64>, order: u32) -> Result<(), Errno> {
    let first = Mfn::new(entry.read()?);
    first.get().checked_add(1 << order).ok_or(Errno::Einval)?;
    let Some(hvm) = &domain.hvm else {
        let mut frames = domain_frames::block(first, order);
        return frames.try_for_each(|mfn| domain_frames::take_back(domain, mfn));
    };
    if 1 << order == LARGE_PAGES
        && let Some(mut frames) = physmap::remove_large(hvm, Gfn::new(first.get()))
    {
        return frames.try_for_each(|mfn| domain_frames::take_back(domain, mfn));
    }
    let mut gfns = domain_frames::block(first, order).map(|frame| Gfn::new(frame.get()));
    gfns.try_for_each(|gfn| physmap::give_back(domain, hvm, gfn))
}
