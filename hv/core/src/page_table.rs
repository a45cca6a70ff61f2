// SPDX-License-Identifier: MIT OR Apache-2.0
//! The shape of x86-64 page tables.

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
}
