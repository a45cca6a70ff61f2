// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Entry`]: a page table entry of a PV guest, and which bits it may have.
use xen_abi::frame::{Mfn, PAGE_SHIFT};

use super::Level;

/// A page table entry as the processor reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry(u64);

impl Entry {
    /// Nothing.
    pub const EMPTY: Self = Self(0);
    /// The entry is in use.
    pub const PRESENT: u64 = 1 << 0;
    /// Writes are allowed.
    pub const WRITABLE: u64 = 1 << 1;
    /// Ring 3 may use it; guest kernel and guest user alike.
    pub const USER: u64 = 1 << 2;
    /// The processor used the entry.
    pub const ACCESSED: u64 = 1 << 5;
    /// The processor wrote through the entry.
    pub const DIRTY: u64 = 1 << 6;
    /// The entry maps 2 MiB (in an L2 table) or 1 GiB (in an L3 table).
    pub const LARGE: u64 = 1 << 7;
    /// The translation survives a change of root.
    pub const GLOBAL: u64 = 1 << 8;
    /// Instructions are not fetched through it.
    pub const NO_EXECUTE: u64 = 1 << 63;
    /// The hypervisor's mark: the guest gave the leaf without [`Self::USER`].
    pub const GUEST_KERNEL: u64 = 1 << 52;
    /// Write-through, cache-disable and page attribute table (of a leaf).
    pub const CACHE: u64 = 1 << 3 | 1 << 4 | 1 << 7;

    /// Where the frame stands.
    pub const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
    /// The bits 9 to 11 and 52 to 62, free for software.
    const AVAILABLE: u64 = 0x7ff0_0000_0000_0e00;
    /// What entries of all levels may have.
    const ALLOWED: u64 = Self::PRESENT
        | Self::WRITABLE
        | Self::USER
        | Self::ACCESSED
        | Self::DIRTY
        | Self::NO_EXECUTE
        | Self::AVAILABLE
        | Self::ADDRESS;
    /// What may change without a look at references: it moves neither target nor rights that
    /// references stand for.
    const HARMLESS: u64 = Self::NO_EXECUTE
        | Self::AVAILABLE
        | Self::GLOBAL
        | Self::ACCESSED
        | Self::DIRTY
        | Self::USER;

    /// The frame number no frame has: all bits of the address set.
    pub const INVALID_MFN: Mfn = Mfn::new(Self::ADDRESS >> PAGE_SHIFT);

    /// Gives a raw value this type.
    #[must_use]
    pub const fn new(raw: u64) -> Self {
        Self(raw)
    }

    /// The raw value.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// An entry for `mfn` with `flags`. Bits of the number beyond an entry's are lost.
    #[must_use]
    pub const fn map(mfn: Mfn, flags: u64) -> Self {
        Self(((mfn.get() << PAGE_SHIFT) & Self::ADDRESS) | flags)
    }

    /// The frame it points at.
    #[must_use]
    pub const fn mfn(self) -> Mfn {
        Mfn::new((self.0 & Self::ADDRESS) >> PAGE_SHIFT)
    }

    /// The same entry for another frame.
    #[must_use]
    pub const fn with_mfn(self, mfn: Mfn) -> Self {
        Self::map(mfn, self.0 & !Self::ADDRESS)
    }

    /// Whether the processor uses it.
    #[must_use]
    pub const fn is_present(self) -> bool {
        self.0 & Self::PRESENT != 0
    }

    /// Whether writes are allowed.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.0 & Self::WRITABLE != 0
    }

    /// Whether it asks for a way of caching other than the usual.
    #[must_use]
    pub const fn has_cache_bits(self) -> bool {
        self.0 & Self::CACHE != 0
    }

    /// With the usual way of caching.
    #[must_use]
    pub const fn without_cache_bits(self) -> Self {
        Self(self.0 & !Self::CACHE)
    }

    /// Without the right to write.
    #[must_use]
    pub const fn read_only(self) -> Self {
        Self(self.0 & !Self::WRITABLE)
    }

    /// Whether a guest's present entry of `level` has only bits it may have; `cache` says
    /// whether the guest may choose how device memory is cached.
    #[must_use]
    pub const fn is_allowed(self, level: Level, cache: bool) -> bool {
        let extra = match level {
            Level::L1 if cache => Self::GLOBAL | Self::CACHE,
            Level::L1 => Self::GLOBAL,
            Level::L2 | Level::L3 | Level::L4 => 0,
        };
        self.0 & !(Self::ALLOWED | extra) == 0
    }

    /// Whether the references of `self` are exactly those of `other`: both are present, and they
    /// differ in harmless bits at most.
    #[must_use]
    pub const fn is_similar(self, other: Self) -> bool {
        self.is_present() && (self.0 ^ other.0) & !Self::HARMLESS == 0
    }

    /// What the hypervisor stores for a guest's entry of `level`: present entries are for ring 3,
    /// leaves of the guest's kernel are marked, none is global, and L4 entries are accessed.
    #[must_use]
    pub const fn adjusted(self, level: Level) -> Self {
        if !self.is_present() {
            return self;
        }
        match level {
            Level::L1 if self.0 & Self::USER == 0 => {
                Self((self.0 | Self::USER | Self::GUEST_KERNEL) & !Self::GLOBAL)
            }
            Level::L1 => Self(self.0 & !Self::GLOBAL),
            Level::L2 | Level::L3 => Self(self.0 | Self::USER),
            Level::L4 => Self(self.0 | Self::USER | Self::ACCESSED),
        }
    }

    /// With the accessed and dirty bits of `old` added.
    #[must_use]
    pub const fn with_usage_of(self, old: Self) -> Self {
        Self(self.0 | (old.0 & (Self::ACCESSED | Self::DIRTY)))
    }

    /// Whether it equals `other`, the processor's accessed and dirty marks aside.
    #[must_use]
    pub const fn equals_but_usage(self, other: Self) -> bool {
        (self.0 ^ other.0) & !(Self::ACCESSED | Self::DIRTY) == 0
    }
}
