// SPDX-License-Identifier: MIT OR Apache-2.0
//! The elements that the operations work on.

use super::{GrantHandle, GrantRef, GrantStatus};
use crate::domain::DomId;
use crate::frame::Mfn;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// [`MapGrantRef::flags`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(transparent)]
pub struct MapFlags(u32);

bitflags::bitflags! {
    impl MapFlags: u32 {
        /// For devices.
        const DEVICE_MAP = 1 << 0;
        /// For the processor.
        const HOST_MAP = 1 << 1;
        /// Read-only.
        const READONLY = 1 << 2;
        /// Guest user mode may use it.
        const APPLICATION_MAP = 1 << 3;
        /// `host_addr` is the machine address of the page table entry.
        const CONTAINS_PTE = 1 << 4;
        /// Bits copied to the available bits of the entry.
        const GUEST_AVAIL_MASK = 0xffff_0000;
        const _ = !0;
    }
}

/// One mapping to make.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MapGrantRef {
    /// Virtual address, or machine address of the entry ([`MapFlags::CONTAINS_PTE`]).
    pub host_addr: u64,
    /// How.
    pub flags: MapFlags,
    /// The grant.
    pub grant_ref: GrantRef,
    /// The granting domain.
    pub dom: DomId,
    /// Out.
    pub status: GrantStatus,
    /// Out.
    pub handle: GrantHandle,
    /// Out: address for devices.
    pub dev_bus_addr: u64,
}

/// One mapping to take away.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UnmapGrantRef {
    /// As in the mapping.
    pub host_addr: u64,
    /// As the mapping gave; 0 to leave it.
    pub dev_bus_addr: u64,
    /// The mapping.
    pub handle: GrantHandle,
    /// Out.
    pub status: GrantStatus,
    /// Padding.
    pub _pad: u16,
}

/// Grows the table and tells its frames.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SetupTable {
    /// The domain.
    pub dom: DomId,
    /// Padding.
    pub _pad0: u16,
    /// Frames wanted.
    pub nr_frames: u32,
    /// Out.
    pub status: GrantStatus,
    /// Padding.
    pub _pad1: [u16; 3],
    /// Guest virtual address of an array of frame numbers (`u64`).
    pub frame_list: u64,
}

/// Gives a frame away.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Transfer {
    /// The frame.
    pub mfn: Mfn,
    /// The receiver.
    pub domid: DomId,
    /// Padding.
    pub _pad0: u16,
    /// The receiver's entry.
    pub grant_ref: GrantRef,
    /// Out.
    pub status: GrantStatus,
    /// Padding.
    pub _pad1: [u16; 3],
}

/// Where a copy begins or ends.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct CopyPtr {
    /// Grant reference or frame number.
    pub ref_or_gmfn: u64,
    /// The domain.
    pub domid: DomId,
    /// Offset in the page, bytes.
    pub offset: u16,
    /// Padding.
    pub _pad: u32,
}

/// [`GrantCopy::flags`]: the source is a grant reference.
pub const COPY_SOURCE_GREF: u16 = 1;
/// [`GrantCopy::flags`]: the destination is a grant reference.
pub const COPY_DEST_GREF: u16 = 2;

/// One copy inside a page.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct GrantCopy {
    /// From.
    pub source: CopyPtr,
    /// To.
    pub dest: CopyPtr,
    /// Bytes.
    pub len: u16,
    /// `COPY_*` bits.
    pub flags: u16,
    /// Out.
    pub status: GrantStatus,
    /// Padding.
    pub _pad: u16,
}

/// Asks for the size of the table.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct QuerySize {
    /// The domain.
    pub dom: DomId,
    /// Padding.
    pub _pad0: u16,
    /// Out: frames in use.
    pub nr_frames: u32,
    /// Out: frames possible.
    pub max_nr_frames: u32,
    /// Out.
    pub status: GrantStatus,
    /// Padding.
    pub _pad1: u16,
}

/// Takes a mapping away and puts that of another address in its place.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UnmapAndReplace {
    /// As in the mapping.
    pub host_addr: u64,
    /// The address whose mapping moves here.
    pub new_addr: u64,
    /// The mapping.
    pub handle: GrantHandle,
    /// Out.
    pub status: GrantStatus,
    /// Padding.
    pub _pad: u16,
}

/// Chooses the table's version.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SetVersion {
    /// In: wanted; out: in use.
    pub version: u32,
}

/// Asks for the table's version.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct GetVersion {
    /// The domain.
    pub dom: DomId,
    /// Padding.
    pub _pad: u16,
    /// Out.
    pub version: u32,
}

/// Swaps two entries of the caller's table.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SwapGrantRef {
    /// One.
    pub ref_a: GrantRef,
    /// The other.
    pub ref_b: GrantRef,
    /// Out.
    pub status: GrantStatus,
    /// Padding.
    pub _pad: u16,
}

/// Asks for the status frames of a version 2 table.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct GetStatusFrames {
    /// Frames wanted.
    pub nr_frames: u32,
    /// The domain.
    pub dom: DomId,
    /// Out.
    pub status: GrantStatus,
    /// Guest virtual address of an array of frame numbers (`u64`).
    pub frame_list: u64,
}

assert_layout!(MapGrantRef, size = 32, flags @ 8, grant_ref @ 12, dom @ 16, status @ 18,
    handle @ 20, dev_bus_addr @ 24);
assert_layout!(UnmapGrantRef, size = 24, dev_bus_addr @ 8, handle @ 16, status @ 20);
assert_layout!(SetupTable, size = 24, nr_frames @ 4, status @ 8, frame_list @ 16);
assert_layout!(Transfer, size = 24, domid @ 8, grant_ref @ 12, status @ 16);
assert_layout!(CopyPtr, size = 16, domid @ 8, offset @ 10);
assert_layout!(GrantCopy, size = 40, dest @ 16, len @ 32, flags @ 34, status @ 36);
assert_layout!(QuerySize, size = 16, nr_frames @ 4, max_nr_frames @ 8, status @ 12);
assert_layout!(UnmapAndReplace, size = 24, new_addr @ 8, handle @ 16, status @ 20);
assert_layout!(SwapGrantRef, size = 12, status @ 8);
assert_layout!(GetStatusFrames, size = 16, dom @ 4, status @ 6, frame_list @ 8);
assert_layout!(SetVersion, size = 4);
assert_layout!(GetVersion, size = 8, version @ 4);
