// SPDX-License-Identifier: MIT OR Apache-2.0
//! `update_va_mapping`: the L1 entry of an address of the caller.
use hv_core::page_table::{self, Entry};
use hv_core::page_type::{Machine, Stop, Update};
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::VirtAddr;
use xen_abi::mmu::{UVMF_ALL, UVMF_FLUSHTYPE_MASK, UVMF_INVLPG, UVMF_LOCAL, UVMF_TLB_FLUSH};

use super::{Arguments, Outcome, page_owner};
use crate::arch::control;
use crate::current::Current;
use crate::guest_ptr::GuestPtr;
use crate::machine::Host;

/// Writes the L1 entry of `address` for a frame of the caller, and flushes as `flags` say.
///
/// # Errors
/// `EINVAL` where there is no L1 table for the address; as
/// [`hv_core::page_type::PageTypes::update_leaf`]; `EFAULT` for the vCPU mask.
pub fn update_va_mapping(
    current: &Current,
    address: u64,
    entry: u64,
    flags: u64,
) -> Result<Outcome, Errno> {
    let again = [address, entry, flags, 0, 0, 0];
    finish(update(current, address, Entry::new(entry), flags, current.domain().id), again)
}

/// The same for a frame of the domain that `domid` names.
///
/// # Errors
/// Also `ESRCH` for an unknown domain and `EPERM` without privilege over it.
pub fn update_va_mapping_otherdomain(
    current: &Current,
    address: u64,
    entry: u64,
    flags: u64,
    domid: u64,
) -> Result<Outcome, Errno> {
    let page_owner = page_owner::page_owner(current, page_owner::domid(domid))?;
    page_owner::may_map(current, page_owner)?;
    let wanted = page_owner::machine_entry(current, page_owner, Entry::new(entry))?;
    let again = [address, entry, flags, domid, 0, 0];
    finish(update(current, address, wanted, flags, page_owner), again)
}

#[inline]
fn finish(result: Result<(), Stop>, again: Arguments) -> Result<Outcome, Errno> {
    match result {
        Ok(()) => Ok(Outcome::Done(0)),
        Err(Stop::Refused(errno)) => Err(errno),
        Err(Stop::Preempted) => Ok(Outcome::Continue(again)),
    }
}

fn update(
    current: &Current,
    address: u64,
    entry: Entry,
    flags: u64,
    page_owner: DomId,
) -> Result<(), Stop> {
    let table_owner = current.domain().id;
    let root = current.vcpu().kernel_root.get().ok_or(Errno::Einval)?;
    let at = page_table::l1_entry(&Host, root, VirtAddr::new(address)).ok_or(Errno::Einval)?;
    let update = Update { at, entry, table_owner, page_owner, keep_usage: false };
    page_owner::page_types().update_leaf(&update)?;
    Ok(flush(address, flags)?)
}

#[inline]
fn flush(address: u64, flags: u64) -> Result<(), Errno> {
    let kind = flags & UVMF_FLUSHTYPE_MASK;
    let whose = flags & !UVMF_FLUSHTYPE_MASK;
    if kind != UVMF_TLB_FLUSH && kind != UVMF_INVLPG {
        return Ok(());
    }
    if whose != UVMF_LOCAL && whose != UVMF_ALL {
        check_vcpu_mask(whose)?;
    }
    if kind == UVMF_TLB_FLUSH {
        Host.flush_tlb();
    } else {
        control::invalidate_page(address);
    }
    Ok(())
}

/// A mask of vCPUs: the only one is the caller, flushed in any case.
#[cold]
fn check_vcpu_mask(address: u64) -> Result<(), Errno> {
    GuestPtr::<u8>::new(address).read().map(|_| ())
}
