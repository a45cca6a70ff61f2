// SPDX-License-Identifier: MIT OR Apache-2.0
//! `GNTTABOP_unmap_grant_ref`.
//!
//! A mapping is taken away in three steps for a batch of elements: the entries go, the TLB is
//! flushed, and only then the granting guests see that their frames are free.
use heapless::Vec;
use hv_core::grant_table::entry::Access;
use hv_core::grant_table::maptrack::{Mapping, Ways};
use hv_core::hvm::p2m::{Kind, Leaf};
use hv_core::page_type::{BUDGET, Machine, PageTypes};
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;
use xen_abi::grant_table::{GrantHandle, GrantStatus, UnmapGrantRef};
use zerocopy::FromZeros;

use super::map::{entry_at, guest_frame};
use super::{Outcome, check_array, rest};
use crate::current::{Current, pcpu};
use crate::grants;
use crate::guest_ptr::GuestPtr;
use crate::hvm::physmap;
use crate::machine::Host;

/// Mappings taken away with one flush.
const BATCH: usize = 32;

/// A mapping of which ways have been closed, but not yet for the granter's eyes.
struct Closed {
    handle: GrantHandle,
    ways: Ways,
    mfn: Mfn,
    access: Access,
}

/// All elements, in batches.
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
        let is_open =
            || current.domain().maptrack.lock().get(handle).is_ok_and(|one| one.ways.device);
        if ways.device && is_open() {
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
        let mut element = UnmapGrantRef::new_zeroed();
        at.read_to(&mut element)?;
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
    let mfn = grants::frame_of(&mapping);
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
