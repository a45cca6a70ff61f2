// SPDX-License-Identifier: MIT OR Apache-2.0
//! What memory there is: memory maps, and where the M2P is.
use xen_abi::errno::Errno;
use xen_abi::memory::{E820Entry, ForeignMemoryMap, MachphysMapping, MachphysMfnList, MemoryMap};
use xen_abi::mmu::{M2P_VIRT_END, M2P_VIRT_START};

use crate::boot;
use crate::current::Current;
use crate::domain::MAX_MEMORY_MAP;
use crate::guest_ptr::GuestPtr;
use crate::hypercall::argument::controlled_domain;
use crate::memory::frames;

/// M2P entries in the 2 MiB that one frame number of a list stands for.
const ENTRIES_PER_EXTENT: u64 = 1 << 18;
/// Frames in these 2 MiB.
const FRAMES_PER_EXTENT: u64 = 512;
/// Offset of the number of frames in [`MachphysMfnList`].
const NR_EXTENTS: u64 = 16;

/// Where guests see the M2P.
pub(super) fn machphys_mapping(arg: GuestPtr<MachphysMapping>) -> Result<u64, Errno> {
    let max_mfn = frames::table().len().saturating_sub(1);
    arg.write(&MachphysMapping { v_start: M2P_VIRT_START, v_end: M2P_VIRT_END, max_mfn })?;
    Ok(0)
}

/// The first frame of each 2 MiB of the M2P.
pub(super) fn machphys_mfn_list(arg: GuestPtr<MachphysMfnList>) -> Result<u64, Errno> {
    let request = arg.read()?;
    let list = GuestPtr::<u64>::new(request.extent_start);
    let count = frames::table().len().div_ceil(ENTRIES_PER_EXTENT);
    let count = count.min(u64::from(request.max_extents));
    for index in 0..count {
        let offset = index.saturating_mul(FRAMES_PER_EXTENT);
        let mfn = frames::frames().m2p.get().saturating_add(offset);
        list.element(index)?.write(&mfn)?;
    }
    let count = u32::try_from(count).map_err(|_| Errno::Einval)?;
    arg.byte_offset::<u32>(NR_EXTENTS)?.write(&count)?;
    Ok(0)
}

/// The caller's memory map.
///
/// # Errors
/// `ENOSYS` where none was set; `EFAULT`.
pub(super) fn memory_map(current: &Current, arg: GuestPtr<MemoryMap>) -> Result<u64, Errno> {
    let pages = current.domain().pages.lock();
    let map = &pages.memory_map;
    if map.is_empty() {
        return Err(Errno::Enosys);
    }
    let request = arg.read()?;
    let wanted = usize::try_from(request.nr_entries).map_err(|_| Errno::Einval)?;
    let shown = map.get(..wanted).unwrap_or(map);
    GuestPtr::<E820Entry>::new(request.buffer).write_slice(shown)?;
    let nr_entries = u32::try_from(shown.len()).map_err(|_| Errno::Einval)?;
    arg.write(&MemoryMap { nr_entries, ..request })?;
    Ok(0)
}

/// Sets a domain's memory map.
///
/// # Errors
/// `ESRCH`, `EPERM`; `EINVAL` for a map that is too long; `EFAULT`.
pub(super) fn set_memory_map(
    current: &Current,
    arg: GuestPtr<ForeignMemoryMap>,
) -> Result<u64, Errno> {
    let request = arg.read()?;
    let domain = controlled_domain(current, request.domid)?;
    let count = usize::try_from(request.map.nr_entries).map_err(|_| Errno::Einval)?;
    let mut copy = [E820Entry::default(); MAX_MEMORY_MAP];
    let copy = copy.get_mut(..count).ok_or(Errno::Einval)?;
    GuestPtr::<E820Entry>::new(request.map.buffer).read_slice(copy)?;
    let mut pages = domain.pages.lock();
    pages.memory_map.clear();
    pages.memory_map.extend_from_slice(copy).map_err(|_| Errno::Einval)?;
    Ok(0)
}

/// The machine's memory map.
///
/// # Errors
/// `EPERM` without privilege; `EINVAL` where the buffer is too short; `EFAULT`.
pub(super) fn machine_memory_map(
    current: &Current,
    arg: GuestPtr<MemoryMap>,
) -> Result<u64, Errno> {
    if !current.domain().privileged {
        return Err(Errno::Eperm);
    }
    let request = arg.read()?;
    let map = boot::memory_map();
    let nr_entries = u32::try_from(map.len()).map_err(|_| Errno::Einval)?;
    if nr_entries > request.nr_entries {
        return Err(Errno::Einval);
    }
    let buffer = GuestPtr::<E820Entry>::new(request.buffer);
    for (region, index) in map.iter().zip(0..) {
        let entry = E820Entry { addr: region.start, size: region.bytes, kind: region.kind };
        buffer.element(index)?.write(&entry)?;
    }
    arg.write(&MemoryMap { nr_entries, ..request })?;
    Ok(0)
}
