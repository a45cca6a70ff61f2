// SPDX-License-Identifier: MIT OR Apache-2.0
//! Grant tables, version 1 (`public/grant_table.h`).
//!
//! A domain *grants* a frame to another by an entry in its table; the other *maps* it, or asks the
//! hypervisor to copy.

use crate::domain::DomId;
use core::sync::atomic::{
    AtomicU32,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

mod operation;
mod status;

pub use operation::{
    COPY_DEST_GREF, COPY_SOURCE_GREF, CopyPtr, GetStatusFrames, GetVersion, GrantCopy, MapFlags,
    MapGrantRef, QuerySize, SetVersion, SetupTable, SwapGrantRef, Transfer, UnmapAndReplace,
    UnmapGrantRef,
};
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

assert_layout!(GrantEntryV1, size = 8, domid @ 2, frame @ 4);
assert_layout!(SharedGrantEntry, size = 8, frame @ 4);

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
