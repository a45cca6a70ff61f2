// SPDX-License-Identifier: MIT OR Apache-2.0
//! Grant tables, version 1 (`public/grant_table.h`).
//!
//! A domain *grants* a frame to another by an entry in its table; the other *maps* it, or asks the
//! hypervisor to copy.

use crate::domain::DomId;
use crate::frame::Mfn;
use core::sync::atomic::{
    AtomicU32,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

mod status;

pub use status::GrantStatus;

/// References the toolstack fills: guests hand out references from here on.
pub const RESERVED_ENTRIES: u32 = 8;
/// Entries in one frame of the table.
pub const ENTRIES_PER_FRAME: usize = 512;

number_type! {
    /// Index of an entry in the granting domain's table.
    pub struct GrantRef(u32);
}

impl GrantRef {
    /// The console ring's reference in domains built by a toolstack.
    pub const CONSOLE: Self = Self(0);
    /// The xenstore ring's reference in domains built by a toolstack.
    pub const XENSTORE: Self = Self(1);
}

number_type! {
    /// Names a mapping in the mapping domain.
    pub struct GrantHandle(u32);
}

/// [`GrantEntryV1::flags`]. The low two bits are the type.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(transparent)]
pub struct GrantFlags(u16);

bitflags::bitflags! {
    impl GrantFlags: u16 {
        /// Type: the domain may map or copy the frame.
        const PERMIT_ACCESS = 1;
        /// Type: the domain may give us a frame.
        const ACCEPT_TRANSFER = 2;
        /// The domain may only read. For a transfer: it is committed.
        const READONLY = 1 << 2;
        /// Set by the hypervisor: in use for reading. For a transfer: it is completed.
        const READING = 1 << 3;
        /// Set by the hypervisor: in use for writing.
        const WRITING = 1 << 4;
        /// Cache attribute.
        const PWT = 1 << 5;
        /// Cache attribute.
        const PCD = 1 << 6;
        /// Cache attribute.
        const PAT = 1 << 7;
        /// Part of a page (version 2).
        const SUB_PAGE = 1 << 8;
        const _ = !0;
    }
}

impl GrantFlags {
    /// Mask of the type bits.
    pub const TYPE_MASK: Self = Self(3);
    /// For a transfer: the giver is bound to it.
    pub const TRANSFER_COMMITTED: Self = Self::READONLY;
    /// For a transfer: the frame number is there.
    pub const TRANSFER_COMPLETED: Self = Self::READING;

    /// Only the type: empty, permit, accept transfer, or 3 (transitive, version 2).
    #[must_use]
    pub const fn kind(self) -> Self {
        Self(self.0 & Self::TYPE_MASK.0)
    }

    /// Whether the other side uses the grant now.
    #[must_use]
    pub const fn in_use(self) -> bool {
        self.0 & (Self::READING.0 | Self::WRITING.0) != 0
    }
}

/// A table entry, as a value.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct GrantEntryV1 {
    /// Type and state.
    pub flags: GrantFlags,
    /// The domain it is for.
    pub domid: DomId,
    /// The frame: mfn for PV, gfn for PVH.
    pub frame: u32,
}

/// The first word of an entry, which both sides change by compare-exchange.
#[must_use]
pub const fn pack_header(flags: GrantFlags, domid: DomId) -> u32 {
    let ([a, b], [c, d]) = (flags.bits().to_le_bytes(), domid.get().to_le_bytes());
    u32::from_le_bytes([a, b, c, d])
}

/// The parts of an entry's first word.
#[must_use]
pub const fn unpack_header(word: u32) -> (GrantFlags, DomId) {
    let [a, b, c, d] = word.to_le_bytes();
    (GrantFlags(u16::from_le_bytes([a, b])), DomId::new(u16::from_le_bytes([c, d])))
}

/// A table entry in memory both sides share.
#[derive(Debug, Default, FromBytes, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct SharedGrantEntry {
    /// Flags and domain: see [`pack_header`].
    pub header: AtomicU32,
    /// The frame.
    pub frame: AtomicU32,
}

impl SharedGrantEntry {
    /// Both words; the frame belongs to the header if that did not change meanwhile.
    #[must_use]
    pub fn load(&self) -> GrantEntryV1 {
        let (flags, domid) = unpack_header(self.header.load(Acquire));
        GrantEntryV1 { flags, domid, frame: self.frame.load(Relaxed) }
    }

    /// Granter: fills an unused entry, the flags last.
    pub fn publish(&self, entry: GrantEntryV1) {
        self.frame.store(entry.frame, Relaxed);
        self.header.store(pack_header(entry.flags, entry.domid), Release);
    }

    /// Granter: takes the grant back; `false` if it is in use and stays.
    #[must_use]
    pub fn revoke(&self) -> bool {
        let clear = |word| (!unpack_header(word).0.in_use()).then_some(0);
        self.header.fetch_update(SeqCst, SeqCst, clear).is_ok()
    }
}

number_enum! {
    /// First argument of `grant_table_op`; the others are an array of the struct, and its length.
    pub enum GrantTableOp: u32 {
        /// [`MapGrantRef`].
        MapGrantRef = 0,
        /// [`UnmapGrantRef`].
        UnmapGrantRef = 1,
        /// [`SetupTable`].
        SetupTable = 2,
        /// Debug output.
        DumpTable = 3,
        /// [`Transfer`].
        Transfer = 4,
        /// [`GrantCopy`].
        Copy = 5,
        /// [`QuerySize`].
        QuerySize = 6,
        /// [`UnmapAndReplace`].
        UnmapAndReplace = 7,
        /// [`SetVersion`].
        SetVersion = 8,
        /// [`GetStatusFrames`].
        GetStatusFrames = 9,
        /// [`GetVersion`].
        GetVersion = 10,
        /// [`SwapGrantRef`].
        SwapGrantRef = 11,
        /// Cache maintenance.
        CacheFlush = 12,
    }
}

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

assert_layout!(GrantEntryV1, size = 8, domid @ 2, frame @ 4);
assert_layout!(SharedGrantEntry, size = 8, frame @ 4);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_in_use_is_not_revoked() {
        let shared = SharedGrantEntry::default();
        let entry =
            GrantEntryV1 { flags: GrantFlags::PERMIT_ACCESS, domid: DomId::new(7), frame: 0x1234 };
        shared.publish(entry);
        assert_eq!(shared.load(), entry);
        assert_eq!(shared.header.load(Relaxed), 0x0007_0001);
        shared.header.fetch_or(u32::from(GrantFlags::READING.bits()), Relaxed);
        assert!(!shared.revoke());
        shared.publish(entry);
        assert!(shared.revoke());
        assert_eq!(shared.load().flags, GrantFlags::empty());
    }
}
