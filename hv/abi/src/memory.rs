// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory of a domain (`public/memory.h`).

use crate::domain::DomId;
use crate::errno::Errno;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

number_enum! {
    /// Low six bits of `memory_op`'s first argument; see [`split_cmd`].
    pub enum MemoryOp: u32 {
        /// [`MemoryReservation`]: more frames; returns extents done.
        IncreaseReservation = 0,
        /// [`MemoryReservation`]: gives frames back; returns extents done.
        DecreaseReservation = 1,
        /// Returns the host's highest frame number.
        MaximumRamPage = 2,
        /// [`DomainArg`]: returns the domain's pages.
        CurrentReservation = 3,
        /// [`DomainArg`]: returns the domain's limit, pages.
        MaximumReservation = 4,
        /// [`MachphysMfnList`].
        MachphysMfnList = 5,
        /// [`MemoryReservation`]: frames for pfns; returns extents done.
        PopulatePhysmap = 6,
        /// [`AddToPhysmap`].
        AddToPhysmap = 7,
        /// [`MemoryMap`].
        MemoryMap = 9,
        /// [`MemoryMap`] of the host.
        MachineMemoryMap = 10,
        /// [`Exchange`].
        Exchange = 11,
        /// [`MachphysMapping`].
        MachphysMapping = 12,
        /// [`ForeignMemoryMap`].
        SetMemoryMap = 13,
        /// [`DomainArg`]: returns the domain's highest gfn.
        MaximumGpfn = 14,
        /// [`RemoveFromPhysmap`].
        RemoveFromPhysmap = 15,
        /// [`AddToPhysmapBatch`].
        AddToPhysmapBatch = 23,
        /// [`MemoryReservation`]: sets pages aside.
        ClaimPages = 24,
        /// [`AcquireResource`].
        AcquireResource = 28,
    }
}

/// Bits of the first argument which are the operation; above is the extent to go on with.
pub const CMD_BITS: u32 = 6;

/// Splits `memory_op`'s first argument into operation and start extent.
pub fn split_cmd(cmd: u64) -> Result<(MemoryOp, u64), Errno> {
    let number = u32::try_from(cmd & ((1 << CMD_BITS) - 1)).map_err(|_| Errno::Enosys)?;
    Ok((MemoryOp::try_from(number)?, cmd >> CMD_BITS))
}

/// Puts operation and start extent together, to continue a call.
#[must_use]
pub const fn join_cmd(op: MemoryOp, start_extent: u64) -> u64 {
    start_extent << CMD_BITS | op as u64
}

/// [`MemoryReservation::mem_flags`]: mask of the address bits the frames must fit in, 0 for any.
pub const MEMF_ADDRESS_BITS: u32 = 0xff;
/// [`MemoryReservation::mem_flags`]: mask of the node plus one.
pub const MEMF_NODE: u32 = 0xff << 8;
/// [`MemoryReservation::mem_flags`]: populate on demand.
pub const MEMF_POPULATE_ON_DEMAND: u32 = 1 << 16;
/// [`MemoryReservation::mem_flags`]: from that node only.
pub const MEMF_EXACT_NODE: u32 = 1 << 17;
/// [`MemoryReservation::mem_flags`]: the node is a virtual one.
pub const MEMF_VNODE: u32 = 1 << 18;

/// A list of extents, each `2^extent_order` frames.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MemoryReservation {
    /// Guest virtual address of an array of frame numbers (`u64`).
    pub extent_start: u64,
    /// Its length.
    pub nr_extents: u64,
    /// Log2 of the frames in an extent.
    pub extent_order: u32,
    /// `MEMF_*` bits.
    pub mem_flags: u32,
    /// The domain.
    pub domid: DomId,
    /// Padding.
    pub _pad: [u16; 3],
}

/// Trades frames for others.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Exchange {
    /// Frames given.
    pub input: MemoryReservation,
    /// Frames taken.
    pub output: MemoryReservation,
    /// Out: input extents done.
    pub nr_exchanged: u64,
}

/// A domain, as argument.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct DomainArg {
    /// The domain.
    pub domid: DomId,
}

/// Asks for the frames of the m2p table.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MachphysMfnList {
    /// Length of the array.
    pub max_extents: u32,
    /// Padding.
    pub _pad0: u32,
    /// Guest virtual address of an array of frame numbers, one per 2 MiB of the table.
    pub extent_start: u64,
    /// Out: filled.
    pub nr_extents: u32,
    /// Padding.
    pub _pad1: u32,
}

/// Out: where the m2p table is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MachphysMapping {
    /// First virtual address.
    pub v_start: u64,
    /// Virtual address behind it.
    pub v_end: u64,
    /// Highest frame number in it.
    pub max_mfn: u64,
}

number_enum! {
    /// [`AddToPhysmap::space`].
    pub enum PhysmapSpace: u32 {
        /// The shared info page.
        SharedInfo = 0,
        /// A frame of the grant table.
        GrantTable = 1,
        /// A frame of the domain.
        Gmfn = 2,
        /// Several frames of the domain.
        GmfnRange = 3,
        /// A frame of another domain (batch only).
        GmfnForeign = 4,
        /// Memory of a device.
        DeviceMemory = 5,
    }
}

/// Puts a frame into a PVH guest's physical address space.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct AddToPhysmap {
    /// The domain.
    pub domid: DomId,
    /// Frames, for a range.
    pub size: u16,
    /// A [`PhysmapSpace`].
    pub space: u32,
    /// Index in the space.
    pub idx: u64,
    /// Where it goes.
    pub gpfn: u64,
}

/// Puts several frames into a PVH guest's physical address space.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct AddToPhysmapBatch {
    /// The domain.
    pub domid: DomId,
    /// A [`PhysmapSpace`].
    pub space: u16,
    /// How many.
    pub size: u16,
    /// Whose the frames are, for [`PhysmapSpace::GmfnForeign`].
    pub foreign_domid: DomId,
    /// Guest virtual address of their indices in the space (`u64`).
    pub idxs: u64,
    /// Guest virtual address of where each goes (`u64`).
    pub gpfns: u64,
    /// Guest virtual address; out: 0 or a negative errno for each (`i32`).
    pub errs: u64,
}

/// Takes a frame out of a PVH guest's physical address space.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RemoveFromPhysmap {
    /// The domain.
    pub domid: DomId,
    /// Padding.
    pub _pad: [u16; 3],
    /// Where it is.
    pub gpfn: u64,
}

/// A memory map wanted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MemoryMap {
    /// In: length of the array; out: filled.
    pub nr_entries: u32,
    /// Padding.
    pub _pad: u32,
    /// Guest virtual address of an array of [`E820Entry`].
    pub buffer: u64,
}

/// A memory map to set.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ForeignMemoryMap {
    /// The domain.
    pub domid: DomId,
    /// Padding.
    pub _pad: [u16; 3],
    /// The map.
    pub map: MemoryMap,
}

/// [`E820Entry::kind`]: RAM.
pub const E820_RAM: u32 = 1;
/// [`E820Entry::kind`]: reserved.
pub const E820_RESERVED: u32 = 2;
/// [`E820Entry::kind`]: ACPI tables, RAM once they are read.
pub const E820_ACPI: u32 = 3;
/// [`E820Entry::kind`]: ACPI non-volatile storage.
pub const E820_NVS: u32 = 4;
/// [`E820Entry::kind`]: broken RAM.
pub const E820_UNUSABLE: u32 = 5;

/// A range of a memory map, packed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C, packed)]
pub struct E820Entry {
    /// First byte.
    pub addr: u64,
    /// Bytes.
    pub size: u64,
    /// `E820_*`.
    pub kind: u32,
}

number_enum! {
    /// [`AcquireResource::kind`].
    pub enum ResourceType: u16 {
        /// Request pages for a device model.
        IoreqServer = 0,
        /// Frames of the grant table.
        GrantTable = 1,
        /// Processor trace.
        VmtraceBuf = 2,
    }
}

/// [`AcquireResource::id`] of [`ResourceType::GrantTable`]: the entries.
pub const RESOURCE_GRANT_TABLE_SHARED: u32 = 0;
/// [`AcquireResource::id`] of [`ResourceType::GrantTable`]: the status words of version 2.
pub const RESOURCE_GRANT_TABLE_STATUS: u32 = 1;

/// Gets at frames which belong to a domain but are not in its memory.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct AcquireResource {
    /// The domain.
    pub domid: DomId,
    /// A [`ResourceType`].
    pub kind: u16,
    /// Which of that type.
    pub id: u32,
    /// In: frames wanted; 0 asks how many there are. Out: that number.
    pub nr_frames: u32,
    /// Padding.
    pub _pad: u32,
    /// First frame, index in the resource.
    pub frame: u64,
    /// Guest virtual address of an array of frame numbers (`u64`); out for PV.
    pub frame_list: u64,
}

assert_layout!(MemoryReservation, size = 32, nr_extents @ 8, extent_order @ 16, mem_flags @ 20,
    domid @ 24);
assert_layout!(Exchange, size = 72, output @ 32, nr_exchanged @ 64);
assert_layout!(DomainArg, size = 2);
assert_layout!(MachphysMfnList, size = 24, extent_start @ 8, nr_extents @ 16);
assert_layout!(MachphysMapping, size = 24, v_end @ 8, max_mfn @ 16);
assert_layout!(AddToPhysmap, size = 24, size @ 2, space @ 4, idx @ 8, gpfn @ 16);
assert_layout!(AddToPhysmapBatch, size = 32, space @ 2, size @ 4, foreign_domid @ 6, idxs @ 8,
    gpfns @ 16, errs @ 24);
assert_layout!(RemoveFromPhysmap, size = 16, gpfn @ 8);
assert_layout!(MemoryMap, size = 16, buffer @ 8);
assert_layout!(ForeignMemoryMap, size = 24, map @ 8);
assert_layout!(E820Entry, size = 20, size @ 8, kind @ 16);
assert_layout!(AcquireResource, size = 32, kind @ 2, id @ 4, nr_frames @ 8, frame @ 16,
    frame_list @ 24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_carries_its_start_extent() {
        let cmd = join_cmd(MemoryOp::PopulatePhysmap, 1000);
        assert_eq!(split_cmd(cmd), Ok((MemoryOp::PopulatePhysmap, 1000)));
        assert_eq!(split_cmd(63), Err(Errno::Enosys));
    }
}
