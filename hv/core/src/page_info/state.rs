// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`State`]: owner, references and use of a frame in one word.
use xen_abi::domain::DomId;

/// The lower half is the reference count.
const COUNT_BITS: u32 = 32;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
/// The owner's allocation holds one of the references.
const ALLOCATED: u64 = 1 << 32;
/// The hypervisor's frame, shown to the owner, and on no page list.
const SHARED: u64 = 1 << 33;
/// The frame is the first of a free block, whose order is behind this bit.
const FREE: u64 = 1 << 34;
const ORDER_SHIFT: u32 = 35;
const ORDER_MASK: u64 = 0x1f;
/// The owner is in the top 16 bits, as difference to [`DomId::XEN`], so that zero is the
/// hypervisor.
const OWNER_SHIFT: u32 = 48;

/// The state word of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State(u64);

/// What became of a frame when a reference was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Put {
    /// Others still refer to it.
    Remains,
    /// That was the last one; the frame belonged to this domain and is to be freed.
    Last(DomId),
}

impl State {
    /// The hypervisor's own frame; nobody can take a reference.
    pub const HYPERVISOR: Self = Self(0);
    /// Device memory: mapped by permission, without references.
    pub const IO: Self = Self::owned(DomId::IO);

    const fn owned(owner: DomId) -> Self {
        Self(((owner.get() ^ DomId::XEN.get()) as u64) << OWNER_SHIFT)
    }

    /// A domain's memory, with the one reference of the allocation.
    #[must_use]
    pub const fn allocated(owner: DomId) -> Self {
        Self(Self::owned(owner).0 | ALLOCATED | 1)
    }

    /// A frame of the hypervisor which `owner` may map, with the hypervisor's one reference.
    #[must_use]
    pub const fn shared(owner: DomId) -> Self {
        Self(Self::owned(owner).0 | ALLOCATED | SHARED | 1)
    }

    /// The first frame of a free block of `1 << order` frames.
    #[must_use]
    pub const fn free(order: u32) -> Self {
        Self(FREE | (order as u64 & ORDER_MASK) << ORDER_SHIFT)
    }

    pub(super) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    pub(super) const fn raw(self) -> u64 {
        self.0
    }

    /// Who owns the frame: a domain, [`DomId::XEN`] or [`DomId::IO`].
    #[must_use]
    pub fn owner(self) -> DomId {
        let difference = u16::try_from(self.0 >> OWNER_SHIFT).unwrap_or(0);
        DomId::new(difference ^ DomId::XEN.get())
    }

    /// Number of general references.
    #[must_use]
    pub const fn count(self) -> u64 {
        self.0 & COUNT_MASK
    }

    /// The order of the free block that starts here.
    #[must_use]
    pub fn free_order(self) -> Option<u32> {
        let order = self.0 >> ORDER_SHIFT & ORDER_MASK;
        if self.0 & FREE == 0 { None } else { u32::try_from(order).ok() }
    }

    /// Whether the allocation still holds a reference.
    #[must_use]
    pub const fn is_allocated(self) -> bool {
        self.0 & ALLOCATED != 0
    }

    /// Whether it is a frame of the hypervisor shown to the owner.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        self.0 & SHARED != 0
    }

    /// Whether it is device memory.
    #[must_use]
    pub fn is_io(self) -> bool {
        self == Self::IO
    }

    /// With one more reference; `None` where there is none yet, or no room.
    pub(super) fn referenced(self) -> Option<Self> {
        let room = (1..COUNT_MASK).contains(&self.count());
        if room { self.0.checked_add(1).map(Self) } else { None }
    }

    /// With one more reference, where `owner` is the owner and there is a reference.
    pub(super) const fn referenced_by(self, owner: DomId) -> Option<Self> {
        // Below this bit is the count, and how the frame was given to the owner.
        let is_owners = (self.0 ^ Self::owned(owner).0) >> FREE.trailing_zeros() == 0;
        let count = self.count();
        if is_owners && count != 0 && count != COUNT_MASK {
            Some(Self(self.0.wrapping_add(1)))
        } else {
            None
        }
    }

    pub(super) const fn without_allocation(self) -> Self {
        Self(self.0 & !ALLOCATED)
    }
}
