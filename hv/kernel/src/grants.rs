// SPDX-License-Identifier: MIT OR Apache-2.0
//! Grants between domains: the memory of their tables, and what happens at a domain's end.
use hv_core::grant_table::entry::{Access, Active};
use hv_core::grant_table::maptrack::{Mapping, MaptrackPage, SLOTS_PER_PAGE, Slot};
use hv_core::grant_table::table::{ACTIVE_PER_PAGE, ActivePage, SharedFrame, TableFrame};
use hv_core::page_type::{BUDGET, Machine, PageTypes, Stop};
use hv_core::supply::Supply;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Gfn, Mfn};
use xen_abi::grant_table::GrantHandle;

use crate::domain::{self, Domain};
use crate::hvm::physmap;
use crate::life;
use crate::machine::Host;
use crate::memory::{direct_map, frames, table_page};

/// Mappings released before others get a turn.
const RELEASES_PER_CALL: usize = 256;

/// Pages for a domain's maptrack.
pub struct MaptrackPages<'d>(pub &'d Domain);

impl Supply<'static, MaptrackPage> for MaptrackPages<'_> {
    fn page(&mut self) -> Result<&'static mut MaptrackPage, Errno> {
        table_page::alloc(self.0, || [Slot::EMPTY; SLOTS_PER_PAGE])
    }
}

/// Grows the grant table of `domain` to at least `count` frames. `EINVAL` beyond its limit.
pub fn grow(domain: &Domain, count: usize) -> Result<(), Errno> {
    domain.grants.lock().grow(count, || new_frame(domain))
}

/// Frame `index` of the grant table of `domain`, which grows to have it.
pub fn frame(domain: &Domain, index: usize) -> Result<Mfn, Errno> {
    grow(domain, index.saturating_add(1))?;
    domain.grants.lock().mfn(index).ok_or(Errno::Einval)
}

fn new_frame(domain: &Domain) -> Result<TableFrame<'static>, Errno> {
    let active = || -> Result<&'static mut ActivePage, Errno> {
        table_page::alloc(domain, || [Active::UNUSED; ACTIVE_PER_PAGE])
    };
    let one = active()?;
    let other = match active() {
        Ok(other) => other,
        Err(errno) => {
            table_page::free(domain, one);
            return Err(errno);
        }
    };
    let Some(mfn) = frames::alloc_zeroed(0) else {
        table_page::free(domain, one);
        table_page::free(domain, other);
        return Err(Errno::Enomem);
    };
    frames::table().share(mfn, domain.id);
    let shared: *const SharedFrame = direct_map::pointer(mfn.maddr());
    // SAFETY: the frame is the table's until `free_tables`, and its entries are atomics.
    let shared = unsafe { &*shared };
    Ok(TableFrame { shared, mfn, active: [one, other] })
}

/// Whether the frame is one of `owner`: tells apart why a granted frame was refused.
#[cold]
pub fn is_owned(mfn: Mfn, owner: DomId) -> bool {
    Host.frame_table().get(mfn).is_some_and(|page| page.state().owner() == owner)
}

/// The machine frame behind the one that an entry of `granter`'s table names.
pub fn machine_frame(granter: &Domain, frame: u32) -> Option<u32> {
    let Some(hvm) = &granter.hvm else { return Some(frame) };
    let leaf = physmap::get(hvm, Gfn::new(u64::from(frame)))?;
    u32::try_from(leaf.mfn.get()).ok()
}

/// Takes the references that a mapping holds while devices may use the frame.
pub fn hold_for_devices(
    types: &PageTypes<'_, Host>,
    mfn: Mfn,
    granter: DomId,
    access: Access,
) -> Result<(), Stop> {
    match access {
        Access::ReadOnly => {
            Host.frame_table().get_page(mfn, granter).ok_or(Errno::Einval)?;
            Ok(())
        }
        Access::ReadWrite => types.get_writable(mfn, granter),
    }
}

/// Drops what [`hold_for_devices`] took.
pub fn drop_for_devices(types: &PageTypes<'_, Host>, mfn: Mfn, access: Access) {
    match access {
        Access::ReadOnly => types.put_page(mfn),
        Access::ReadWrite => types.put_writable(mfn),
    }
}

/// The frame of a mapping.
pub fn frame_of(mapping: &Mapping) -> Mfn {
    Mfn::new(u64::from(mapping.frame))
}

/// Ends a mapping for the domain that granted it.
pub fn unpin(mapping: Mapping) {
    // A granter stays in the list of domains for as long as its grants are in use.
    let Some(granter) = domain::find(mapping.granter) else { return };
    let ended = granter.grants.lock().unpin(mapping.reference, mapping.access);
    debug_assert!(ended, "a mapping without a use of the grant");
    life::bury(&granter);
}

/// Ends the next mappings of a dying domain; `true` when none is left. Its page tables still hold
/// the frames until they go themselves.
pub fn release_some(domain: &Domain) -> bool {
    let mut next = GrantHandle::new(0);
    for _ in 0..RELEASES_PER_CALL {
        let removed = {
            let mut maptrack = domain.maptrack.lock();
            let Some((handle, _)) = maptrack.next_live(next) else { return true };
            next = handle;
            maptrack.remove(handle)
        };
        let Some(mapping) = removed else { continue };
        if mapping.ways.device {
            let types = PageTypes::new(&Host, BUDGET);
            drop_for_devices(&types, frame_of(&mapping), mapping.access);
        }
        unpin(mapping);
    }
    false
}

/// Gives back the memory of both tables; nothing of them is in use any more.
pub fn free_tables(domain: &Domain) {
    let mut grants = domain.grants.lock();
    while let Some(TableFrame { mfn, active: [one, other], .. }) = grants.take_frame() {
        table_page::free(domain, one);
        table_page::free(domain, other);
        PageTypes::new(&Host, 0).unshare(mfn);
    }
    let mut maptrack = domain.maptrack.lock();
    while let Some(page) = maptrack.take_page() {
        table_page::free(domain, page);
    }
}
