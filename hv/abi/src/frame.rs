// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frame numbers and addresses (`public/xen.h`, `public/arch-x86/xen-x86_64.h`).
//!
//! - [`Mfn`]: a frame of host memory. A PV guest's page tables hold these.
//! - [`Pfn`]: a guest's own linear numbering of its memory, from 0.
//! - [`Gfn`]: the frame a guest names towards the hypervisor: an mfn for PV, a pfn for PVH.
//! - [`Maddr`]: a byte address in host memory. [`VirtAddr`]: a byte address in an address space.
//!
//! The p2m table (in the guest) maps pfn to mfn; the m2p table (in the hypervisor, readable by
//! PV guests) maps mfn to pfn.

/// Bytes in a page.
pub const PAGE_SIZE: usize = 4096;
/// Log2 of [`PAGE_SIZE`].
pub const PAGE_SHIFT: u32 = 12;
/// The m2p entry of a frame which has no pfn.
pub const INVALID_M2P_ENTRY: u64 = u64::MAX;
/// The m2p entry of a frame shared between domains.
pub const SHARED_M2P_ENTRY: u64 = u64::MAX - 1;

/// The bits of an address inside its page.
const OFFSET_MASK: u64 = (1 << PAGE_SHIFT) - 1;

number_type! {
    /// Machine frame number: a page of host memory.
    pub struct Mfn(u64);
}

number_type! {
    /// Pseudo-physical frame number: a page in the guest's own numbering.
    pub struct Pfn(u64);
}

number_type! {
    /// Guest frame number: what the guest calls a page towards the hypervisor.
    pub struct Gfn(u64);
}

number_type! {
    /// Machine address: a byte of host memory.
    pub struct Maddr(u64);
}

number_type! {
    /// Virtual address; says nothing about whether it is mapped, or canonical.
    pub struct VirtAddr(u64);
}

impl Mfn {
    /// No frame.
    pub const INVALID: Self = Self(u64::MAX);

    /// The address of the frame's first byte. Bits above the address width are lost.
    #[must_use]
    pub const fn maddr(self) -> Maddr {
        Maddr(self.0 << PAGE_SHIFT)
    }
}

impl Maddr {
    /// The frame this address lies in.
    #[must_use]
    pub const fn mfn(self) -> Mfn {
        Mfn(self.0 >> PAGE_SHIFT)
    }

    /// The offset in the frame, in bytes, less than [`PAGE_SIZE`].
    #[must_use]
    pub const fn offset(self) -> u64 {
        self.0 & OFFSET_MASK
    }
}

impl VirtAddr {
    /// Whether bits 48 to 63 all equal bit 47 (4-level paging).
    #[must_use]
    pub const fn is_canonical(self) -> bool {
        matches!(self.0 >> 47, 0 | 0x1ffff)
    }

    /// The address of the page's first byte.
    #[must_use]
    pub const fn page_base(self) -> Self {
        Self(self.0 & !OFFSET_MASK)
    }

    /// The offset in the page, in bytes, less than [`PAGE_SIZE`].
    #[must_use]
    pub const fn offset(self) -> u64 {
        self.0 & OFFSET_MASK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_addresses() {
        for good in [0, 0x7fff_ffff_ffff, 0xffff_8000_0000_0000, u64::MAX] {
            assert!(VirtAddr::new(good).is_canonical(), "{good:#x}");
        }
        for bad in [0x8000_0000_0000, 0xffff_7fff_ffff_ffff, 1 << 63] {
            assert!(!VirtAddr::new(bad).is_canonical(), "{bad:#x}");
        }
    }

    #[test]
    fn address_splits_into_frame_and_offset() {
        let addr = Maddr::new(0x12_3456);
        assert_eq!((addr.mfn(), addr.offset()), (Mfn::new(0x123), 0x456));
        assert_eq!(addr.mfn().maddr().get(), 0x12_3000);
    }
}
