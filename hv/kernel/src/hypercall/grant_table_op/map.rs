// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mapping grants by page table entries, and taking the mappings away.
//!
//! A mapping is taken away in three steps for a batch of elements: the entries go, the TLB is
//! flushed, and only then the granting guests see that their frames are free.
use heapless::Vec;
use hv_core::grant_table::entry::{Access, Use};
use hv_core::grant_table::maptrack::{Mapping, Ways};
use hv_core::hvm::p2m::{Kind, Leaf};
use hv_core::page_table::{Entry, l1_entry};
use hv_core::page_type::{BUDGET, Machine, PageTypes, Stop as TypeStop, Update};
use xen_abi::errno::Errno;
use xen_abi::frame::{Gfn, Maddr, Mfn, VirtAddr};
use xen_abi::grant_table::{GrantHandle, GrantStatus, MapFlags, MapGrantRef, UnmapGrantRef};

use super::{Failure, Outcome, Stop, check_array, rest, status_of};
use crate::current::{Current, pcpu};
use crate::domain::{self, Domain};
use crate::grants::{self, MaptrackPages};
use crate::guest_ptr::GuestPtr;
use crate::hvm::physmap;
use crate::machine::Host;

/// Mappings taken away with one flush.
const BATCH: usize = 32;

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
    let pinned =
        granter.grants.lock().pin(element.grant_ref, mapper.id, access, Use::Map, machine)?;
    let mfn = Mfn::new(u64::from(pinned));
    if let Err(failure) = reach(current, &wish, element, mfn) {
        granter.grants.lock().unpin(element.grant_ref, access);
        return Err(failure);
    }
    let mapping = Mapping {
        granter: granter.id,
        reference: element.grant_ref,
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
fn guest_frame(address: u64) -> Option<Gfn> {
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
    const PRESENT: u64 = 1 << 0;
    const WRITABLE: u64 = 1 << 1;
    const USER: u64 = 1 << 2;
    const ACCESSED: u64 = 1 << 5;
    const DIRTY: u64 = 1 << 6;
    const AVAILABLE_SHIFT: u32 = 9;
    const AVAILABLE: u64 = 7 << AVAILABLE_SHIFT;
    const GUEST_AVAILABLE_SHIFT: u32 = 16;
    let mut bits = PRESENT | ACCESSED | DIRTY;
    if !flags.contains(MapFlags::READONLY) {
        bits |= WRITABLE;
    }
    if flags.contains(MapFlags::APPLICATION_MAP) {
        bits |= USER;
    }
    let available = u64::from(flags.bits()) >> GUEST_AVAILABLE_SHIFT;
    bits | (available << AVAILABLE_SHIFT & AVAILABLE)
}

/// Where the L1 entry is: at a machine address, or the one that maps an address.
fn entry_at(current: &Current, host_addr: u64, contains_pte: bool) -> Option<Maddr> {
    if contains_pte {
        return Some(Maddr::new(host_addr));
    }
    let root = current.vcpu().kernel_root.get()?;
    l1_entry(&Host, root, VirtAddr::new(host_addr))
}

/// A mapping of which ways have been closed, but not yet for the granter's eyes.
struct Closed {
    handle: GrantHandle,
    ways: Ways,
    mfn: Mfn,
    access: Access,
}

/// `GNTTABOP_unmap_grant_ref`.
pub(super) fn unmap_all(
    current: &Current,
    op: u32,
    elements: GuestPtr<UnmapGrantRef>,
    count: u32,
) -> Result<Outcome, Errno> {
    check_array(elements, count)?;
    let mut done = 0;
    while done < count {
        let at = elements.element(u64::from(done))?;
        if done > 0 && (pcpu().reschedule.get() || done >= super::ELEMENTS_PER_CALL) {
            return Ok(rest(op, at, count, done));
        }
        let batch = count.saturating_sub(done).min(u32::try_from(BATCH).unwrap_or(1));
        unmap_batch(current, at, batch)?;
        done = done.saturating_add(batch);
    }
    Ok(Outcome::Done(0))
}

fn unmap_batch(
    current: &Current,
    elements: GuestPtr<UnmapGrantRef>,
    count: u32,
) -> Result<(), Errno> {
    let mut closed = Vec::<Closed, BATCH>::new();
    let result = close_batch(current, elements, count, &mut closed);
    if current.domain().hvm.is_none() && closed.iter().any(|one| one.ways.host) {
        Host.flush_tlb();
    }
    for &Closed { handle, ways, mfn, access } in &closed {
        // The same handle may be in the batch twice; its references are dropped once.
        let open = current.domain().maptrack.lock().get(handle).is_ok_and(|one| one.ways.device);
        if ways.device && open {
            grants::drop_for_devices(&PageTypes::new(&Host, BUDGET), mfn, access);
        }
        let ended = current.domain().maptrack.lock().take_ways(handle, ways);
        if let Some(mapping) = ended {
            grants::unpin(mapping);
        }
    }
    result
}

fn close_batch(
    current: &Current,
    elements: GuestPtr<UnmapGrantRef>,
    count: u32,
    closed: &mut Vec<Closed, BATCH>,
) -> Result<(), Errno> {
    for index in 0..count {
        let at = elements.element(u64::from(index))?;
        let mut element = at.read()?;
        element.status = match close_ways(current, &element) {
            Ok(one) => {
                closed.push(one).map_err(|_| Errno::Einval)?;
                GrantStatus::OKAY
            }
            Err(status) => status,
        };
        at.write(&element)?;
    }
    Ok(())
}

/// Closes the ways an element names. The entry must hold this very mapping.
fn close_ways(current: &Current, element: &UnmapGrantRef) -> Result<Closed, GrantStatus> {
    let mapper = current.domain();
    let mapping = mapper.maptrack.lock().get(element.handle)?;
    let granter = domain::find(mapping.granter).ok_or(GrantStatus::BAD_DOMAIN)?;
    let frame = granter.grants.lock().active(mapping.reference).map(|active| active.frame);
    let mfn = Mfn::new(u64::from(frame.ok_or(GrantStatus::GENERAL_ERROR)?));
    let ways = Ways {
        host: mapping.ways.host && element.host_addr != 0,
        device: mapping.ways.device && element.dev_bus_addr != 0,
    };
    if ways.device && element.dev_bus_addr != mfn.maddr().get() {
        return Err(GrantStatus::BAD_DEV_ADDR);
    }
    if ways.host {
        clear_entry(current, element.host_addr, mfn, &mapping)?;
    }
    Ok(Closed { handle: element.handle, ways, mfn, access: mapping.access })
}

/// Empties the entry, which the guest names as it did for the mapping.
fn clear_entry(
    current: &Current,
    host_addr: u64,
    mfn: Mfn,
    mapping: &Mapping,
) -> Result<(), GrantStatus> {
    let writable = mapping.access == Access::ReadWrite;
    if let Some(hvm) = &current.domain().hvm {
        let gfn = guest_frame(host_addr).ok_or(GrantStatus::GENERAL_ERROR)?;
        let ours = Leaf { mfn, kind: Kind::Grant, writable };
        physmap::get(hvm, gfn).filter(|leaf| *leaf == ours).ok_or(GrantStatus::GENERAL_ERROR)?;
        return physmap::remove(current.domain(), hvm, gfn)
            .map(|_| ())
            .map_err(|_| GrantStatus::GENERAL_ERROR);
    }
    let types = PageTypes::new(&Host, BUDGET);
    let at = entry_at(current, host_addr, mapping.by_entry).ok_or(GrantStatus::GENERAL_ERROR)?;
    types
        .unmap_grant(at, current.domain().id, mfn, writable)
        .map_err(|_| GrantStatus::GENERAL_ERROR)
}
