// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's LDT (`MMUEXT_SET_LDT`).
use hv_core::frame_memory::FrameMemory;
use hv_core::page_table::{self, Entry};
use hv_core::page_type::{PageTypes, Stop};
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Mfn, PAGE_SIZE, VirtAddr};

use crate::current::Current;
use crate::descriptor_window;
use crate::guest_ptr::is_guest_range;
use crate::machine::Host;
use crate::vcpu::LdtState;

/// Most entries of an LDT, 8 bytes each.
const MAX_ENTRIES: u64 = 8192;
const ENTRY_BYTES: u64 = 8;

/// Uses the `entries` descriptors at `base`, page aligned, as the caller's LDT; none with 0.
///
/// Pages that cannot hold descriptors (not mapped, writable, bad contents) are shown as empty:
/// using a selector in them faults in the guest.
///
/// # Errors
/// `EINVAL` for a base that is not aligned or not the guest's, and for too many entries.
pub(super) fn set_ldt(
    current: &Current,
    types: &PageTypes<'_, Host>,
    base: u64,
    entries: u64,
) -> Result<(), Stop> {
    let new = take(types, current.domain().id, current.vcpu().kernel_root.get(), base, entries)?;
    let old = current.vcpu().ldt.get();
    current.vcpu().ldt.set(new);
    descriptor_window::load(current.vcpu());
    drop_frames(types, &old.frames);
    Ok(())
}

/// An LDT of `owner` under the page tables of `root`, with references on its frames.
pub(super) fn take(
    types: &PageTypes<'_, Host>,
    owner: DomId,
    root: Option<Mfn>,
    base: u64,
    entries: u64,
) -> Result<LdtState, Stop> {
    let bytes = entries.checked_mul(ENTRY_BYTES).ok_or(Errno::Einval)?;
    if !base.is_multiple_of(PAGE_SIZE as u64)
        || entries > MAX_ENTRIES
        || !is_guest_range(base, bytes)
    {
        return Err(Errno::Einval.into());
    }
    let entries = u32::try_from(entries).map_err(|_| Errno::Einval)?;
    let mut new = LdtState { frames: [None; 16], base, entries };
    for (frame, offset) in new.frames.iter_mut().zip((0..bytes).step_by(PAGE_SIZE)) {
        match frame_with_descriptors(types, owner, root, base.saturating_add(offset)) {
            Ok(found) => *frame = found,
            Err(stop) => {
                drop_frames(types, &new.frames);
                return Err(stop);
            }
        }
    }
    Ok(new)
}

/// The frame mapped at `address`, referenced as descriptors, if it can be.
fn frame_with_descriptors(
    types: &PageTypes<'_, Host>,
    owner: DomId,
    root: Option<Mfn>,
    address: u64,
) -> Result<Option<Mfn>, Stop> {
    let mapped = root.and_then(|root| {
        let at = page_table::l1_entry(&Host, root, VirtAddr::new(address))?;
        Some(Entry::new(Host.read_u64(at))).filter(|entry| entry.is_present())
    });
    let Some(entry) = mapped else { return Ok(None) };
    match types.get_descriptors(entry.mfn(), owner) {
        Ok(()) => Ok(Some(entry.mfn())),
        Err(Stop::Refused(_)) => Ok(None),
        Err(Stop::Preempted) => Err(Stop::Preempted),
    }
}

fn drop_frames(types: &PageTypes<'_, Host>, frames: &[Option<Mfn>]) {
    frames.iter().flatten().for_each(|frame| types.put_page_and_type(*frame));
}
