// SPDX-License-Identifier: MIT OR Apache-2.0
//! `GNTTABOP_map_grant_ref`: by a page table entry, or, in a PVH domain, behind a frame number.
use hv_core::grant_table::entry::{Access, Use};
use hv_core::grant_table::maptrack::{Mapping, Ways};
use hv_core::hvm::p2m::{Kind, Leaf};
use hv_core::page_table::{Entry, l1_entry};
use hv_core::page_type::{BUDGET, PageTypes, Stop as TypeStop, Update};
use xen_abi::frame::{Gfn, Maddr, Mfn, VirtAddr};
use xen_abi::grant_table::{GrantStatus, MapFlags, MapGrantRef};

use super::{Failure, Stop, status_of};
use crate::current::Current;
use crate::domain::{self, Domain};
use crate::grants::{self, MaptrackPages};
use crate::hvm::physmap;
use crate::machine::Host;

/// What is wanted of one element.
struct Wish<'d> {
    mapper: &'d Domain,
    granter: &'d Domain,
    ways: Ways,
}

/// `GNTTABOP_map_grant_ref`, one element.
pub(super) fn map(current: &Current, element: &mut MapGrantRef) -> Result<(), Stop> {
    element.status = status_of(try_map(current, element))?;
    Ok(())
}

fn try_map(current: &Current, element: &mut MapGrantRef) -> Result<(), Failure> {
    let flags = element.flags;
    let ways = Ways {
        host: flags.contains(MapFlags::HOST_MAP),
        device: flags.contains(MapFlags::DEVICE_MAP),
    };
    if ways.is_empty() {
        return Err(GrantStatus::BAD_GNTREF.into());
    }
    let mapper = current.domain();
    let granter = domain::find(element.dom).ok_or(GrantStatus::BAD_DOMAIN)?;
    let readonly = flags.contains(MapFlags::READONLY);
    let access = if readonly { Access::ReadOnly } else { Access::ReadWrite };
    let wish = Wish { mapper, granter: &granter, ways };
    mapper.maptrack.lock().reserve(&mut MaptrackPages(mapper))?;
    if granter.life.lock().is_dying() {
        return Err(GrantStatus::BAD_DOMAIN.into());
    }
    let machine = |frame| grants::machine_frame(&granter, frame);
    let frame =
        granter.grants.lock().pin(element.grant_ref, mapper.id, access, Use::Map, machine)?;
    let mfn = Mfn::new(u64::from(frame));
    if let Err(failure) = reach(current, &wish, element, mfn) {
        granter.grants.lock().unpin(element.grant_ref, access);
        return Err(failure);
    }
    let mapping = Mapping {
        granter: granter.id,
        reference: element.grant_ref,
        frame,
        access,
        ways,
        by_entry: flags.contains(MapFlags::CONTAINS_PTE),
    };
    let handle = mapper.maptrack.lock().insert(mapping);
    element.handle = handle.ok_or(GrantStatus::NO_DEVICE_SPACE)?;
    element.dev_bus_addr = mfn.maddr().get();
    Ok(())
}

/// Makes the frame, which must be the granter's, reachable. The entry holds references of its own;
/// those for devices are held by the mapping.
fn reach(
    current: &Current,
    wish: &Wish<'_>,
    element: &MapGrantRef,
    mfn: Mfn,
) -> Result<(), Failure> {
    let types = PageTypes::new(&Host, BUDGET);
    reach_frame(current, &types, wish, element, mfn).map_err(|failure| {
        let is_granters = grants::is_owned(mfn, wish.granter.id);
        if is_granters { failure } else { GrantStatus::BAD_PAGE.into() }
    })
}

fn reach_frame(
    current: &Current,
    types: &PageTypes<'_, Host>,
    wish: &Wish<'_>,
    element: &MapGrantRef,
    mfn: Mfn,
) -> Result<(), Failure> {
    let readonly = element.flags.contains(MapFlags::READONLY);
    let access = if readonly { Access::ReadOnly } else { Access::ReadWrite };
    if wish.ways.device {
        grants::hold_for_devices(types, mfn, wish.granter.id, access).map_err(failure)?;
    }
    if wish.ways.host {
        write_way(current, types, wish, element, mfn).inspect_err(|_| {
            if wish.ways.device {
                grants::drop_for_devices(types, mfn, access);
            }
        })?;
    }
    Ok(())
}

fn failure(stop: TypeStop) -> Failure {
    match stop {
        TypeStop::Refused(_) => GrantStatus::GENERAL_ERROR.into(),
        TypeStop::Preempted => Failure::Again,
    }
}

/// Lets the mapper reach the frame: by its page tables, or, in a PVH domain, behind a frame number.
fn write_way(
    current: &Current,
    types: &PageTypes<'_, Host>,
    wish: &Wish<'_>,
    element: &MapGrantRef,
    mfn: Mfn,
) -> Result<(), Failure> {
    let Some(hvm) = &wish.mapper.hvm else {
        return write_entry(current, types, wish, element, mfn);
    };
    let gfn = guest_frame(element.host_addr).ok_or(GrantStatus::GENERAL_ERROR)?;
    let writable = !element.flags.contains(MapFlags::READONLY);
    let leaf = Leaf { mfn, kind: Kind::Grant, writable };
    physmap::add(wish.mapper, hvm, gfn, leaf, wish.granter.id)
        .map_err(|_| GrantStatus::GENERAL_ERROR.into())
}

/// The frame number of a guest physical address, which is that of a page.
pub(super) fn guest_frame(address: u64) -> Option<Gfn> {
    let address = Maddr::new(address);
    (address.offset() == 0).then(|| Gfn::new(address.mfn().get()))
}

fn write_entry(
    current: &Current,
    types: &PageTypes<'_, Host>,
    wish: &Wish<'_>,
    element: &MapGrantRef,
    mfn: Mfn,
) -> Result<(), Failure> {
    let at = entry_at(current, element.host_addr, element.flags.contains(MapFlags::CONTAINS_PTE))
        .ok_or(GrantStatus::GENERAL_ERROR)?;
    let update = Update {
        at,
        entry: Entry::map(mfn, entry_flags(element.flags)),
        table_owner: wish.mapper.id,
        page_owner: wish.granter.id,
        keep_usage: false,
    };
    types.map_grant(&update).map_err(failure)
}

/// Bits of an entry for a grant.
fn entry_flags(flags: MapFlags) -> u64 {
    const AVAILABLE_SHIFT: u32 = 9;
    const AVAILABLE: u64 = 7 << AVAILABLE_SHIFT;
    const GUEST_AVAILABLE_SHIFT: u32 = 16;
    let mut bits = Entry::PRESENT | Entry::ACCESSED | Entry::DIRTY;
    if !flags.contains(MapFlags::READONLY) {
        bits |= Entry::WRITABLE;
    }
    if flags.contains(MapFlags::APPLICATION_MAP) {
        bits |= Entry::USER;
    }
    let available = u64::from(flags.bits()) >> GUEST_AVAILABLE_SHIFT;
    bits | (available << AVAILABLE_SHIFT & AVAILABLE)
}

/// Where the L1 entry is: at a machine address, or the one that maps an address.
pub(super) fn entry_at(current: &Current, host_addr: u64, contains_pte: bool) -> Option<Maddr> {
    if contains_pte {
        return Some(Maddr::new(host_addr));
    }
    let root = current.vcpu().kernel_root.get()?;
    l1_entry(&Host, root, VirtAddr::new(host_addr))
}
