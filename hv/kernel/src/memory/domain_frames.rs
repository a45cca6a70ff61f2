// SPDX-License-Identifier: MIT OR Apache-2.0
//! Giving frames to domains and taking them back.
use hv_core::page_info::{PageInfo, Put};
use hv_core::page_list::PageList;
use hv_core::page_type::Machine;
use xen_abi::errno::Errno;
use xen_abi::frame::{INVALID_M2P_ENTRY, Mfn, Pfn};

use super::frames;
use crate::domain::Domain;
use crate::machine::Host;

/// The frames of a block.
pub fn block(first: Mfn, order: u32) -> impl Iterator<Item = Mfn> {
    (first.get()..).take(1 << order).map(Mfn::new)
}

/// Gives a domain `1 << order` zeroed frames whose addresses have at most `address_bits` bits.
///
/// # Errors
/// `ENOMEM` where the domain has all it may have, is dying, or there is nothing left.
pub fn allocate(domain: &Domain, order: u32, address_bits: u32) -> Result<Mfn, Errno> {
    if domain.life.lock().is_dying() || room(domain) < 1 << order {
        return Err(Errno::Enomem);
    }
    let first = take_block(order, address_bits).ok_or(Errno::Enomem)?;
    give(domain, first, order);
    Ok(first)
}

/// How many more frames the domain may have.
fn room(domain: &Domain) -> u64 {
    let pages = domain.pages.lock();
    pages.max.saturating_sub(pages.list.len())
}

/// Takes zeroed frames for a domain from the allocator; they are the hypervisor's until
/// [`give`].
pub fn take_block(order: u32, address_bits: u32) -> Option<Mfn> {
    let first = frames::allocator().alloc_below(frames::table(), order, address_bits)?;
    frames::make_fresh(first, order);
    Some(first)
}

/// Makes frames of the hypervisor, fresh from the allocator, a domain's.
pub fn give(domain: &Domain, first: Mfn, order: u32) {
    let mut pages = domain.pages.lock();
    for mfn in block(first, order) {
        frames::table().assign(mfn, domain.id);
        pages.list.push_back(frames::table(), mfn);
    }
}

/// Takes the allocation of a frame from its owner. The frame goes when nobody refers to it any
/// more: at once, if nobody does.
///
/// # Errors
/// `EINVAL` where it is not the domain's, or was taken before.
pub fn take_back(domain: &Domain, mfn: Mfn) -> Result<(), Errno> {
    let page = frames::table().get(mfn).ok_or(Errno::Einval)?;
    if take_unused(domain, mfn, page) {
        free(mfn, page);
        return Ok(());
    }
    if !page.take_allocation(domain.id) {
        return Err(Errno::Einval);
    }
    frames::set_m2p(mfn, Pfn::new(INVALID_M2P_ENTRY));
    put(mfn);
    Ok(())
}

/// Drops a general reference of a frame, which may be the last.
pub fn put(mfn: Mfn) {
    let page = frames::table().frame(mfn);
    if let Put::Last(owner) = page.put() {
        page.set_tlb_stamp(Host.tlb_clock());
        Host.release(owner, mfn);
    }
}

/// Takes a frame that nobody refers to away from its owner; false where it is not the domain's, or
/// in use.
fn take_unused(domain: &Domain, mfn: Mfn, page: &PageInfo) -> bool {
    let taken = page.steal(domain.id);
    if taken {
        page.reset_type();
        domain.pages.lock().list.remove(frames::table(), mfn);
    }
    taken
}

/// Gives a frame that was taken from its owner to the allocator.
fn free(mfn: Mfn, page: &PageInfo) {
    page.set_tlb_stamp(Host.tlb_clock());
    frames::set_m2p(mfn, Pfn::new(INVALID_M2P_ENTRY));
    frames::free(mfn, 0);
}

/// Takes a frame that nobody refers to away from its owner and adds it to `stolen`.
///
/// # Errors
/// `EINVAL` where it is not the domain's, or in use.
pub fn steal(domain: &Domain, mfn: Mfn, stolen: &mut PageList) -> Result<(), Errno> {
    let page = frames::table().get(mfn).ok_or(Errno::Einval)?;
    if !take_unused(domain, mfn, page) {
        return Err(Errno::Einval);
    }
    stolen.push_back(frames::table(), mfn);
    Ok(())
}

/// Gives stolen frames back to their owner, as they were.
pub fn return_stolen(domain: &Domain, stolen: &mut PageList) {
    while let Some(mfn) = stolen.first() {
        stolen.remove(frames::table(), mfn);
        frames::flush_earlier_use(mfn);
        give(domain, mfn, 0);
    }
}

/// Gives stolen frames to the allocator.
pub fn free_stolen(stolen: &mut PageList) {
    while let Some(mfn) = stolen.first() {
        stolen.remove(frames::table(), mfn);
        free(mfn, frames::table().frame(mfn));
    }
}
