// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory of domains.
use alloc::vec::Vec;

use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Mfn, Pfn};
use xen_abi::hypercall::Hypercall;
use xen_abi::memory::{
    AcquireResource, AddToPhysmap, DomainArg, E820Entry, Exchange, ForeignMemoryMap, MemoryMap,
    MemoryOp, MemoryReservation, PhysmapSpace, RESOURCE_GRANT_TABLE_SHARED, ResourceType,
};
use zerocopy::{FromZeros, IntoBytes};

use super::call_with;

/// Entries of a memory map at most.
const MAX_MAP: u32 = 128;

/// # Safety
/// The struct must not name memory that the call would misuse.
unsafe fn op<T: IntoBytes>(op: MemoryOp, argument: &mut T) -> Result<u64, Errno> {
    // SAFETY: the caller's promise.
    unsafe { call_with(Hypercall::MemoryOp, op.raw(), argument) }
}

/// Gives a domain extents of `1 << order` adjacent frames for its pages, the first of which
/// `extents` has. What comes back are their first frames, fewer than `extents` if the hypervisor
/// ran out.
///
/// ```no_run
/// use minios::{DomId, Pfn, hypercall::memory_op};
/// let pages: Vec<Pfn> = (0..512).map(Pfn::new).collect();
/// let frames = memory_op::populate_physmap(DomId::new(3), &pages, 0)?;
/// assert_eq!(frames.len(), pages.len());
/// # extern crate alloc; use alloc::vec::Vec;
/// # Ok::<(), minios::Errno>(())
/// ```
///
/// # Errors
/// `ESRCH`, `EPERM`.
pub fn populate_physmap(domain: DomId, extents: &[Pfn], order: u32) -> Result<Vec<Mfn>, Errno> {
    let mut frames: Vec<Mfn> = extents.iter().map(|pfn| Mfn::new(pfn.get())).collect();
    let mut reservation = MemoryReservation {
        extent_start: frames.as_mut_ptr().expose_provenance() as u64,
        nr_extents: frames.len() as u64,
        extent_order: order,
        mem_flags: 0,
        domid: domain,
        _pad: [0; 3],
    };
    // SAFETY: the call reads and writes `nr_extents` numbers in the vector's memory.
    let done = unsafe { op(MemoryOp::PopulatePhysmap, &mut reservation) }?;
    frames.truncate(usize::try_from(done).unwrap_or(0));
    Ok(frames)
}

/// Exchanges frames of ours: `old` for one run of `1 << order` adjacent ones below
/// `1 << address_bits` bytes (0: anywhere), which stands behind page `first` and those after it.
///
/// # Safety
/// Nothing may map or use the old frames.
pub(crate) unsafe fn exchange_for_contiguous(
    old: &[Mfn],
    first: Pfn,
    order: u32,
    address_bits: u32,
) -> Result<Mfn, Errno> {
    let mut extent = [Mfn::new(first.get())];
    let mut exchange = Exchange {
        input: MemoryReservation {
            extent_start: old.as_ptr().expose_provenance() as u64,
            nr_extents: old.len() as u64,
            domid: DomId::SELF,
            ..MemoryReservation::default()
        },
        output: MemoryReservation {
            extent_start: extent.as_mut_ptr().expose_provenance() as u64,
            nr_extents: 1,
            extent_order: order,
            mem_flags: address_bits,
            domid: DomId::SELF,
            _pad: [0; 3],
        },
        nr_exchanged: 0,
    };
    // SAFETY: the call reads the slice and reads and writes the array.
    unsafe { op(MemoryOp::Exchange, &mut exchange) }?;
    let [start] = extent;
    Ok(start)
}

/// Puts a page of the hypervisor's (entry `index` of a space) at page `at` of our physical memory,
/// in place of what is there. For a PVH guest.
///
/// # Safety
/// Nothing uses a page of ours that is there.
pub(crate) unsafe fn add_to_physmap(space: PhysmapSpace, index: u64, at: Pfn) -> Result<(), Errno> {
    let mut add = AddToPhysmap {
        domid: DomId::SELF,
        size: 0,
        space: space.raw(),
        idx: index,
        gpfn: at.get(),
    };
    // SAFETY: the struct names no memory but the page that the caller vouches for.
    unsafe { op(MemoryOp::AddToPhysmap, &mut add) }.map(drop)
}

/// Pages that a domain has.
///
/// # Errors
/// `ESRCH`, `EPERM`.
pub fn current_reservation(domain: DomId) -> Result<u64, Errno> {
    // SAFETY: the struct names no memory.
    unsafe { op(MemoryOp::CurrentReservation, &mut DomainArg { domid: domain }) }
}

/// The host's memory map.
///
/// # Errors
/// `EPERM`.
pub fn machine_memory_map() -> Result<Vec<E820Entry>, Errno> {
    let mut entries = alloc::vec![E820Entry::new_zeroed(); MAX_MAP as usize];
    let mut map = MemoryMap {
        nr_entries: MAX_MAP,
        _pad: 0,
        buffer: entries.as_mut_ptr().expose_provenance() as u64,
    };
    // SAFETY: the call writes at most `nr_entries` entries to the vector's memory.
    unsafe { op(MemoryOp::MachineMemoryMap, &mut map) }?;
    entries.truncate(map.nr_entries as usize);
    Ok(entries)
}

/// Tells a domain of its memory: `map` is what it gets when it asks for its memory map.
///
/// # Errors
/// `ESRCH`, `EPERM`; `EINVAL` for a map of more than 128 entries.
pub fn set_memory_map(domain: DomId, map: &[E820Entry]) -> Result<(), Errno> {
    let map = MemoryMap {
        nr_entries: u32::try_from(map.len()).map_err(|_| Errno::Einval)?,
        _pad: 0,
        buffer: map.as_ptr().expose_provenance() as u64,
    };
    let mut request = ForeignMemoryMap { domid: domain, _pad: [0; 3], map };
    // SAFETY: the call reads the slice.
    unsafe { op(MemoryOp::SetMemoryMap, &mut request) }.map(drop)
}

/// The first frame of a domain's grant table, to be mapped by [`crate::memory::map_foreign`]
/// with the domain as owner.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EOPNOTSUPP`.
pub fn grant_table_frame(domain: DomId) -> Result<Mfn, Errno> {
    let mut frame = 0u64;
    let mut request = AcquireResource {
        domid: domain,
        kind: ResourceType::GrantTable.raw(),
        id: RESOURCE_GRANT_TABLE_SHARED,
        nr_frames: 1,
        _pad: 0,
        frame: 0,
        frame_list: (&raw mut frame).expose_provenance() as u64,
    };
    // SAFETY: the call writes one frame number to the address named.
    unsafe { op(MemoryOp::AcquireResource, &mut request) }?;
    Ok(Mfn::new(frame))
}
