// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whose frames and tables a call is about, and running the page type rules for it.
use hv_core::page_table::Entry;
use hv_core::page_type::{BUDGET, PageTypes, Stop};
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;

use crate::current::Current;
use crate::domain;
use crate::hvm::physmap;
use crate::machine::Host;

/// Rules with the budget of one hypercall.
pub(super) fn page_types() -> PageTypes<'static, Host> {
    PageTypes::new(&Host, BUDGET)
}

/// A domain number in the low 16 bits of a register; the others are not looked at, as on Xen.
pub(super) fn domid(register: u64) -> DomId {
    let [low, high, ..] = register.to_le_bytes();
    DomId::new(u16::from_le_bytes([low, high]))
}

/// The owner of frames that a call names: the caller for [`DomId::SELF`], device memory for
/// [`DomId::IO`], or another domain. As on Xen the caller's own number does not name it.
///
/// # Errors
/// `ESRCH` where there is no such domain, or it is being destroyed: what was pinned then would
/// never go.
pub(super) fn page_owner(current: &Current, id: DomId) -> Result<DomId, Errno> {
    let own = current.domain().id;
    match id {
        DomId::SELF => Ok(own),
        DomId::IO | DomId::XEN => Ok(id),
        other if other == own => Err(Errno::Esrch),
        other => living(other),
    }
}

/// The domain `id`, unless it is being destroyed.
///
/// # Errors
/// `ESRCH`.
pub(super) fn living(id: DomId) -> Result<DomId, Errno> {
    let found = domain::find(id).ok_or(Errno::Esrch)?;
    let is_dying = found.life.lock().is_dying();
    if is_dying { Err(Errno::Esrch) } else { Ok(id) }
}

/// `EPERM` unless the caller may map frames of `owner` or change its page tables.
pub(super) fn may_map(current: &Current, owner: DomId) -> Result<(), Errno> {
    let caller = current.domain();
    match owner {
        DomId::XEN => Err(Errno::Eperm),
        DomId::IO => Ok(()),
        other if other == caller.id || caller.privileged => Ok(()),
        _ => Err(Errno::Eperm),
    }
}

/// The entry that a caller wants for a frame of `owner`, with the machine frame in it: a PVH domain's
/// frames are named by their numbers in that domain.
///
/// # Errors
/// `EINVAL` where there is nothing behind the number.
pub(super) fn machine_entry(current: &Current, owner: DomId, entry: Entry) -> Result<Entry, Errno> {
    if owner == current.domain().id || !entry.is_present() {
        return Ok(entry);
    }
    let Some(domain) = domain::find(owner) else { return Ok(entry) };
    let mfn = physmap::machine_frame(&domain, entry.mfn()).ok_or(Errno::Einval)?;
    Ok(entry.with_mfn(mfn))
}

/// Separates "try again" from an error: `None` is preempted.
pub(super) fn finished(result: Result<(), Stop>) -> Option<Result<(), Errno>> {
    match result {
        Ok(()) => Some(Ok(())),
        Err(Stop::Refused(errno)) => Some(Err(errno)),
        Err(Stop::Preempted) => None,
    }
}
