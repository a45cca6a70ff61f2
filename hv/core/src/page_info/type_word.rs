// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`TypeWord`]: how a frame is used and how often, in one word.
use crate::page_table::Level;

/// What a frame is used as. It has one type while the type's count is above 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageType {
    /// Not used by type: mapped read-only, or not at all.
    #[default]
    None,
    /// A page table of a level; contents checked.
    Table(Level),
    /// Segment descriptors (GDT or LDT); contents checked.
    SegDesc,
    /// Mapped writable, or written by the hypervisor for the guest.
    Writable,
}

/// The lower half counts uses.
const COUNT_BITS: u32 = 32;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const PROGRESS_SHIFT: u32 = 40;
const PROGRESS_MASK: u64 = 0x3ff << PROGRESS_SHIFT;
const VALIDATED: u64 = 1 << 52;
const PARTIAL: u64 = 1 << 53;
const QUEUED: u64 = 1 << 54;
const PINNED: u64 = 1 << 55;
const TYPE_SHIFT: u32 = 56;

/// The type word of a frame: type, count, flags, and progress of a validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeWord(u64);

impl PageType {
    const fn code(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Table(Level::L1) => 1,
            Self::Table(Level::L2) => 2,
            Self::Table(Level::L3) => 3,
            Self::Table(Level::L4) => 4,
            Self::SegDesc => 5,
            Self::Writable => 7,
        }
    }

    /// Whether the contents are checked before the first use.
    #[must_use]
    pub const fn is_validated(self) -> bool {
        matches!(self, Self::Table(_) | Self::SegDesc)
    }
}

impl TypeWord {
    /// Never used.
    pub const NONE: Self = Self(0);
    /// Unused, last used as [`PageType::Writable`].
    pub(super) const WRITTEN: Self = Self(PageType::Writable.code() << TYPE_SHIFT | VALIDATED);

    pub(super) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    pub(super) const fn raw(self) -> u64 {
        self.0
    }

    /// The type.
    #[must_use]
    pub const fn page_type(self) -> PageType {
        match self.0 >> TYPE_SHIFT {
            1 => PageType::Table(Level::L1),
            2 => PageType::Table(Level::L2),
            3 => PageType::Table(Level::L3),
            4 => PageType::Table(Level::L4),
            5 => PageType::SegDesc,
            7 => PageType::Writable,
            _ => PageType::None,
        }
    }

    /// How often the frame is used as its type.
    #[must_use]
    pub const fn count(self) -> u64 {
        self.0 & COUNT_MASK
    }

    /// The contents were checked and hold the references that belong to them.
    #[must_use]
    pub const fn is_validated(self) -> bool {
        self.0 & VALIDATED != 0
    }

    /// Not in use, but the entries below [`Self::progress`] hold references: a validation or
    /// devalidation stopped there. Holds a general reference.
    #[must_use]
    pub const fn is_partial(self) -> bool {
        self.0 & PARTIAL != 0
    }

    /// Waits in a [`crate::page_type::WorkQueue`] for its devalidation to end.
    #[must_use]
    pub const fn is_queued(self) -> bool {
        self.0 & QUEUED != 0
    }

    /// The guest pinned the type: one of the uses, and one general reference, is the pin's.
    #[must_use]
    pub const fn is_pinned(self) -> bool {
        self.0 & PINNED != 0
    }

    /// Number of entries that hold references while [`Self::is_partial`], 0 to 512.
    #[must_use]
    pub const fn progress(self) -> u64 {
        (self.0 & PROGRESS_MASK) >> PROGRESS_SHIFT
    }

    /// Neither in use nor half validated.
    #[must_use]
    pub const fn is_idle(self) -> bool {
        self.count() == 0 && self.0 & (PARTIAL | QUEUED | PINNED) == 0
    }

    /// The first use as `page_type`, checked or not.
    pub(crate) const fn first_use(page_type: PageType, validated: bool) -> Self {
        let flag = if validated { VALIDATED } else { 0 };
        Self((page_type.code() << TYPE_SHIFT) | flag | 1)
    }

    /// Unused as `page_type`.
    pub(crate) const fn unused(page_type: PageType) -> Self {
        Self(page_type.code() << TYPE_SHIFT)
    }

    /// Unused, with references of `progress` entries.
    pub(crate) const fn partial(page_type: PageType, progress: u64) -> Self {
        let progress = (progress << PROGRESS_SHIFT) & PROGRESS_MASK;
        Self((page_type.code() << TYPE_SHIFT) | PARTIAL | progress)
    }

    /// Waiting in a work queue, or not.
    pub(crate) const fn with_queued(self, queued: bool) -> Self {
        Self(if queued { self.0 | QUEUED } else { self.0 & !QUEUED })
    }

    /// Pinned, or not.
    pub(crate) const fn with_pinned(self, pinned: bool) -> Self {
        Self(if pinned { self.0 | PINNED } else { self.0 & !PINNED })
    }

    /// One more use; `None` where there is no room.
    pub(crate) fn used(self) -> Option<Self> {
        if self.count() < COUNT_MASK { self.0.checked_add(1).map(Self) } else { None }
    }

    /// One more use as `page_type`, where that takes no more than counting: the frame has this
    /// type already, and its contents need no check.
    pub(crate) const fn used_again(self, page_type: PageType) -> Option<Self> {
        let first = if page_type.is_validated() { 1 } else { 0 };
        let count = self.count();
        let usable = (page_type.code() << TYPE_SHIFT) | VALIDATED;
        let same = (self.0 & !PINNED) >> COUNT_BITS == usable >> COUNT_BITS;
        if same && count >= first && count < COUNT_MASK {
            Some(Self(self.0.wrapping_add(1)))
        } else {
            None
        }
    }

    /// One use less, where that takes no more than counting: others remain, or the contents hold
    /// no references.
    pub(crate) const fn unused_again(self) -> Option<Self> {
        let last = if self.page_type().is_validated() { 1 } else { 0 };
        if self.count() > last { Some(Self(self.0.wrapping_sub(1))) } else { None }
    }

    /// One use less; `None` where there is none.
    pub(crate) fn unused_once(self) -> Option<Self> {
        if self.count() == 0 { None } else { self.0.checked_sub(1).map(Self) }
    }
}
