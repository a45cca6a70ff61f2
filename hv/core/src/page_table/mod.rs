// SPDX-License-Identifier: MIT OR Apache-2.0
//! The shape of x86-64 page tables.
mod entry;
mod walk;

pub use entry::Entry;
pub use walk::{entry_at, l1_entry};

/// Entries of a table.
pub const ENTRIES: u64 = 512;

/// The first L4 slot that belongs to the hypervisor.
pub const HYPERVISOR_FIRST_SLOT: u64 = 256;
/// The last L4 slot that belongs to the hypervisor.
pub const HYPERVISOR_LAST_SLOT: u64 = 271;

/// Whether an L4 slot belongs to the hypervisor.
#[must_use]
pub const fn is_hypervisor_slot(slot: u64) -> bool {
    slot >= HYPERVISOR_FIRST_SLOT && slot <= HYPERVISOR_LAST_SLOT
}

/// A level of page table; L4 is the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Maps pages.
    L1,
    /// Maps L1 tables.
    L2,
    /// Maps L2 tables.
    L3,
    /// Maps L3 tables.
    L4,
}

impl Level {
    /// The level of the tables this one maps; `None` for L1.
    #[must_use]
    pub const fn below(self) -> Option<Self> {
        match self {
            Self::L1 => None,
            Self::L2 => Some(Self::L1),
            Self::L3 => Some(Self::L2),
            Self::L4 => Some(Self::L3),
        }
    }

    /// Frames that an entry of a table of this level translates.
    #[must_use]
    pub const fn frames(self) -> u64 {
        match self {
            Self::L1 => 1,
            Self::L2 => 1 << 9,
            Self::L3 => 1 << 18,
            Self::L4 => 1 << 27,
        }
    }

    /// The slot of a table of this level which translates `address`, 0 to 511.
    #[must_use]
    pub const fn slot(self, address: u64) -> u64 {
        let shift = match self {
            Self::L1 => 12,
            Self::L2 => 21,
            Self::L3 => 30,
            Self::L4 => 39,
        };
        (address >> shift) & (ENTRIES - 1)
    }
}
