// SPDX-License-Identifier: MIT OR Apache-2.0
//! `update_va_mapping`: the L1 entry of an address of the caller.
use hv_core::page_table::{self, Entry};
use hv_core::page_type::{Machine, PageTypes, Update};
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::VirtAddr;
use xen_abi::mmu::{UVMF_ALL, UVMF_FLUSHTYPE_MASK, UVMF_INVLPG, UVMF_LOCAL, UVMF_TLB_FLUSH};

use super::{Outcome, page_owner};
use crate::arch::control;
use crate::current::Current;
use crate::guest_ptr::GuestPtr;
use crate::machine::Host;

/// Writes the L1 entry of `address` for a frame of the caller, and flushes as `flags` say.
///
/// # Errors
/// `EINVAL` where there is no L1 table for the address; as
/// [`PageTypes::update_leaf`]; `EFAULT` for the vCPU mask.
pub fn update_va_mapping(
    current: &Current,
    address: u64,
    entry: u64,
    flags: u64,
) -> Result<Outcome, Errno> {
    update(current, address, entry, flags, DomId::SELF)
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
    update(current, address, entry, flags, page_owner::domid(domid))
}

fn update(
    current: &Current,
    address: u64,
    entry: u64,
    flags: u64,
    named: DomId,
) -> Result<Outcome, Errno> {
    let page_owner = page_owner::page_owner(current, named)?;
    page_owner::may_map(current, page_owner)?;
    let table_owner = current.domain().id;
    let types = page_owner::page_types();
    let root = current.vcpu().kernel_root.get().ok_or(Errno::Einval)?;
    let at = page_table::l1_entry(&Host, root, VirtAddr::new(address)).ok_or(Errno::Einval)?;
    let entry = Entry::new(entry);
    let wanted = page_owner::machine_entry(current, page_owner, entry)?;
    let update = Update { at, entry: wanted, table_owner, page_owner, keep_usage: false };
    match page_owner::finished(types.update_leaf(&update)) {
        Some(Ok(())) => flush(&types, address, flags).map(|()| Outcome::Done(0)),
        Some(Err(errno)) => Err(errno),
        None => {
            let named = u64::from(named.get());
            Ok(Outcome::Continue([address, entry.get(), flags, named, 0, 0]))
        }
    }
}

fn flush(types: &PageTypes<'_, Host>, address: u64, flags: u64) -> Result<(), Errno> {
    let kind = flags & UVMF_FLUSHTYPE_MASK;
    if kind != UVMF_TLB_FLUSH && kind != UVMF_INVLPG {
        return Ok(());
    }
    let whose = flags & !UVMF_FLUSHTYPE_MASK;
    if whose != UVMF_LOCAL && whose != UVMF_ALL {
        // A mask of vCPUs: the only one is the caller, flushed in any case.
        GuestPtr::<u8>::new(whose).read()?;
    }
    if kind == UVMF_TLB_FLUSH {
        types.machine().flush_tlb();
    } else {
        control::invalidate_page(address);
    }
    Ok(())
}
