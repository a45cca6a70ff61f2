// SPDX-License-Identifier: MIT OR Apache-2.0
//! Page tables and the calls which change them (`public/xen.h`, `public/arch-x86/xen-x86_64.h`).

use crate::errno::Errno;
use crate::frame::{Maddr, Mfn, VirtAddr};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// First virtual address of the hypervisor.
pub const HYPERVISOR_VIRT_START: u64 = 0xffff_8000_0000_0000;
/// Virtual address behind the hypervisor.
pub const HYPERVISOR_VIRT_END: u64 = 0xffff_8800_0000_0000;
/// First virtual address of the m2p table, one `u64` per frame.
pub const M2P_VIRT_START: u64 = 0xffff_8000_0000_0000;
/// Virtual address behind the space for the m2p table.
pub const M2P_VIRT_END: u64 = 0xffff_8040_0000_0000;
/// First L4 slot of the hypervisor; it holds the m2p table.
pub const HYPERVISOR_FIRST_SLOT: usize = 256;
/// Last L4 slot of the hypervisor.
pub const HYPERVISOR_LAST_SLOT: usize = 271;

/// Levels of page tables: 1 maps pages, 4 is the root.
pub const LEVELS: u32 = 4;
/// Entries in a table.
pub const ENTRIES: usize = 512;

const _: () = {
    assert!(va_index(4, VirtAddr::new(HYPERVISOR_VIRT_START)) == HYPERVISOR_FIRST_SLOT);
    assert!(va_index(4, VirtAddr::new(HYPERVISOR_VIRT_END - 1)) == HYPERVISOR_LAST_SLOT);
};

/// The index of an address in its table of the given level, 1 to 4.
#[must_use]
pub const fn va_index(level: u32, va: VirtAddr) -> usize {
    assert!(1 <= level && level <= LEVELS, "page table level");
    ((va.get() >> (12 + 9 * (level - 1))) & 0x1ff) as usize
}

/// Whether a guest may use an L4 slot.
#[must_use]
pub const fn is_guest_slot(slot: usize) -> bool {
    slot < HYPERVISOR_FIRST_SLOT || (slot > HYPERVISOR_LAST_SLOT && slot < ENTRIES)
}

/// Whether an address lies in the hypervisor's range.
#[must_use]
pub const fn is_hypervisor_address(va: VirtAddr) -> bool {
    va.get() >= HYPERVISOR_VIRT_START && va.get() < HYPERVISOR_VIRT_END
}

/// The bits of an entry which are not the frame.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(transparent)]
pub struct PteFlags(u64);

bitflags::bitflags! {
    impl PteFlags: u64 {
        /// The entry is in use.
        const PRESENT = 1 << 0;
        /// Writes are allowed.
        const WRITABLE = 1 << 1;
        /// Ring 3 is allowed.
        const USER = 1 << 2;
        /// Write-through.
        const WRITE_THROUGH = 1 << 3;
        /// No cache.
        const NO_CACHE = 1 << 4;
        /// Used.
        const ACCESSED = 1 << 5;
        /// Written to.
        const DIRTY = 1 << 6;
        /// In L2 and L3: maps a large page. In L1: cache attribute.
        const HUGE = 1 << 7;
        /// Survives a change of cr3.
        const GLOBAL = 1 << 8;
        /// For software.
        const AVAIL_LOW = 0x7 << 9;
        /// For software.
        const AVAIL_HIGH = 0x7ff << 52;
        /// No code.
        const NO_EXECUTE = 1 << 63;
    }
}

/// A page table entry.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(transparent)]
pub struct Pte(u64);

impl Pte {
    /// The bits of the frame's address: 12 to 51.
    pub const FRAME_MASK: u64 = 0x000f_ffff_ffff_f000;
    /// Not present.
    pub const EMPTY: Self = Self(0);

    /// An entry for a frame. Frame number bits above 40 are lost.
    #[must_use]
    pub const fn new(mfn: Mfn, flags: PteFlags) -> Self {
        Self(mfn.maddr().get() & Self::FRAME_MASK | flags.bits())
    }

    /// Any number as an entry.
    #[must_use]
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The entry as a number.
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// The frame.
    #[must_use]
    pub const fn mfn(self) -> Mfn {
        Maddr::new(self.0 & Self::FRAME_MASK).mfn()
    }

    /// All bits outside the frame.
    #[must_use]
    pub const fn flags(self) -> PteFlags {
        PteFlags::from_bits_retain(self.0 & !Self::FRAME_MASK)
    }

    /// Whether the entry is in use.
    #[must_use]
    pub const fn is_present(self) -> bool {
        self.0 & PteFlags::PRESENT.bits() != 0
    }
}

number_enum! {
    /// Low three bits of [`MmuUpdate::ptr`].
    pub enum MmuUpdateKind: u64 {
        /// Writes a page table entry.
        Normal = 0,
        /// Writes the m2p entry of a frame.
        Machphys = 1,
        /// Writes a page table entry but keeps its accessed and dirty bits.
        PreserveAd = 2,
        /// As normal, the value not translated.
        NoTranslate = 3,
    }
}

/// One update of `mmu_update`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MmuUpdate {
    /// Machine address, and in the low bits the kind.
    pub ptr: u64,
    /// The new entry, or pfn.
    pub val: u64,
}

impl MmuUpdate {
    /// An update of what lies at an address (8-aligned).
    #[must_use]
    pub const fn new(kind: MmuUpdateKind, addr: Maddr, val: u64) -> Self {
        Self { ptr: addr.get() & !7 | kind as u64, val }
    }

    /// What to write.
    pub fn kind(&self) -> Result<MmuUpdateKind, Errno> {
        MmuUpdateKind::try_from(self.ptr & 7)
    }

    /// The address without the kind.
    #[must_use]
    pub const fn addr(&self) -> Maddr {
        Maddr::new(self.ptr & !7)
    }
}

number_enum! {
    /// [`MmuextOp::cmd`].
    pub enum MmuextCmd: u32 {
        /// Pins frame `arg1` as L1.
        PinL1Table = 0,
        /// Pins frame `arg1` as L2.
        PinL2Table = 1,
        /// Pins frame `arg1` as L3.
        PinL3Table = 2,
        /// Pins frame `arg1` as L4.
        PinL4Table = 3,
        /// Unpins frame `arg1`.
        UnpinTable = 4,
        /// Frame `arg1` becomes the kernel root.
        NewBaseptr = 5,
        /// Flushes this vcpu's translations.
        TlbFlushLocal = 6,
        /// Flushes address `arg1` on this vcpu.
        InvlpgLocal = 7,
        /// Flushes on the vcpus of bitmap `arg2`.
        TlbFlushMulti = 8,
        /// Flushes address `arg1` on the vcpus of bitmap `arg2`.
        InvlpgMulti = 9,
        /// Flushes on all vcpus.
        TlbFlushAll = 10,
        /// Flushes address `arg1` on all vcpus.
        InvlpgAll = 11,
        /// Writes the caches back.
        FlushCache = 12,
        /// Local descriptor table at address `arg1`, `arg2` entries.
        SetLdt = 13,
        /// Frame `arg1` becomes the user root, 0 for none.
        NewUserBaseptr = 15,
        /// Clears frame `arg1`.
        ClearPage = 16,
        /// Copies frame `arg2` to frame `arg1`.
        CopyPage = 17,
        /// Writes the caches of all processors back.
        FlushCacheGlobal = 18,
        /// Superpages: not supported.
        MarkSuper = 19,
        /// Superpages: not supported.
        UnmarkSuper = 20,
    }
}

/// One operation of `mmuext_op`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MmuextOp {
    /// A [`MmuextCmd`].
    pub cmd: u32,
    /// Padding.
    pub _pad: u32,
    /// Frame or virtual address.
    pub arg1: u64,
    /// Entries, frame, or guest virtual address of a vcpu bitmap.
    pub arg2: u64,
}

impl MmuextOp {
    /// An operation with its arguments.
    #[must_use]
    pub const fn new(cmd: MmuextCmd, arg1: u64, arg2: u64) -> Self {
        Self { cmd: cmd.raw(), _pad: 0, arg1, arg2 }
    }
}

/// `update_va_mapping` flags: no flush.
pub const UVMF_NONE: u64 = 0;
/// `update_va_mapping` flags: flush all translations.
pub const UVMF_TLB_FLUSH: u64 = 1;
/// `update_va_mapping` flags: flush the address.
pub const UVMF_INVLPG: u64 = 2;
/// `update_va_mapping` flags: the bits of the flush.
pub const UVMF_FLUSHTYPE_MASK: u64 = 3;
/// `update_va_mapping` flags, above the flush: this vcpu.
pub const UVMF_LOCAL: u64 = 0;
/// `update_va_mapping` flags, above the flush: all vcpus. Else: the address of a vcpu bitmap.
pub const UVMF_ALL: u64 = 4;

assert_layout!(MmuUpdate, size = 16, val @ 8);
assert_layout!(MmuextOp, size = 24, arg1 @ 8, arg2 @ 16);
assert_layout!(Pte, size = 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_splits_into_frame_and_flags() {
        let flags = PteFlags::PRESENT | PteFlags::NO_EXECUTE | PteFlags::AVAIL_HIGH;
        let pte = Pte::new(Mfn::new(0xff_ffff_ffff), flags);
        assert_eq!((pte.mfn(), pte.flags()), (Mfn::new(0xff_ffff_ffff), flags));
        assert_eq!(pte.raw(), 0xffff_ffff_ffff_f001);
    }

    #[test]
    fn update_splits_into_kind_and_address() {
        let update = MmuUpdate::new(MmuUpdateKind::Machphys, Maddr::new(0x5008), 7);
        assert_eq!(update.kind(), Ok(MmuUpdateKind::Machphys));
        assert_eq!(update.addr(), Maddr::new(0x5008));
        assert_eq!(MmuUpdate { ptr: 4, val: 0 }.kind(), Err(Errno::Enosys));
    }

    #[test]
    fn indices() {
        let va = VirtAddr::new(0xffff_8800_0040_3000);
        assert_eq!([4, 3, 2, 1].map(|level| va_index(level, va)), [272, 0, 2, 3]);
        assert!(is_guest_slot(272) && !is_guest_slot(271) && !is_guest_slot(512));
    }
}
