// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mmu_update`: page table entries and M2P entries, by machine address.
use hv_core::page_table::Entry;
use hv_core::page_type::{PageTypes, Stop, Update};
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Pfn;
use xen_abi::mmu::{MmuUpdate, MmuUpdateKind};

use super::batch::Batch;
use super::{Outcome, page_owner};
use crate::current::Current;
use crate::machine::Host;
use crate::memory::frames;

/// Executes a list of updates. The low half of `batch.domids` names the owner of mapped frames,
/// the next 16 bits the owner of the tables plus one, or 0 for the caller.
///
/// # Errors
/// `ESRCH` for unknown domains, `EPERM` without privilege over them, `ENOSYS` for unknown kinds of
/// updates, and what [`PageTypes::update_entry`] says.
pub fn mmu_update(current: &Current, batch: Batch<MmuUpdate>) -> Result<Outcome, Errno> {
    let table_owner = table_owner(current, batch.domids)?;
    let named = page_owner::domid(batch.domids);
    let page_owner = page_owner::page_owner(current, named).inspect_err(|_| batch.report(0))?;
    batch.run(table_owner, |types, update| {
        page_owner::may_map(current, table_owner)?;
        page_owner::may_map(current, page_owner)?;
        execute(current, types, update, table_owner, page_owner)
    })
}

fn table_owner(current: &Current, domids: u64) -> Result<DomId, Errno> {
    match page_owner::domid(domids >> 16).get().checked_sub(1) {
        None => Ok(current.domain().id),
        Some(id) => page_owner::living(DomId::new(id)),
    }
}

fn execute(
    current: &Current,
    types: &PageTypes<'_, Host>,
    update: MmuUpdate,
    table_owner: DomId,
    page_owner: DomId,
) -> Result<(), Stop> {
    let kind = update.kind()?;
    let keep_usage = match kind {
        MmuUpdateKind::Normal | MmuUpdateKind::NoTranslate => false,
        MmuUpdateKind::PreserveAd => true,
        MmuUpdateKind::Machphys => {
            if table_owner != current.domain().id {
                return Err(Errno::Eperm.into());
            }
            let mfn = update.addr().mfn();
            frames::table().get_page(mfn, page_owner).ok_or(Errno::Einval)?;
            frames::set_m2p(mfn, Pfn::new(update.val));
            types.put_page(mfn);
            return Ok(());
        }
    };
    let mut entry = Entry::new(update.val);
    if kind != MmuUpdateKind::NoTranslate {
        entry = page_owner::machine_entry(current, page_owner, entry)?;
    }
    types.update_entry(&Update { at: update.addr(), entry, table_owner, page_owner, keep_usage })
}
