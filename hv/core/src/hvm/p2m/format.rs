// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Format`]: how AMD's nested tables and Intel's EPT write the same entries.
//!
//! | bits   | nested tables (AMD APM vol. 2, 15.25) | EPT (Intel SDM vol. 3, 29.3)      |
//! |--------|---------------------------------------|-----------------------------------|
//! | 0      | present                               | readable                          |
//! | 1      | writable                              | writable                          |
//! | 2      | for user mode, as all accesses count  | executable                        |
//! | 3 to 5 | caching 0 (write-back), accessed      | caching of a leaf, write-back is 6 |
//! | 6      | dirty                                 | 0: the guest's PAT counts too     |
//! | 7      | large page                            | large page                        |
//! | 8, 9   | global, free                          | accessed, dirty                   |
//! | 52, 53 | what the leaf is for ([`Leaf::kind`]) | the same                          |
//!
//! Accessed and dirty are set from the start, so that the processor never writes the tables.
use xen_abi::frame::Mfn;

use super::Leaf;
use crate::page_table::{Entry, Level};

/// What of the processor's formats second-level tables have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Nested page tables of AMD-V: an ordinary x86-64 table.
    Npt,
    /// Extended page tables of VT-x.
    Ept {
        /// Leaves of 2 MiB may be executed; otherwise [`super::P2m::split`] makes pages of one first.
        large_code: bool,
    },
}

impl Format {
    /// Present (readable), writable, for user mode (executable): in both formats the same bits.
    const READ: u64 = Entry::PRESENT;
    const WRITE: u64 = Entry::WRITABLE;
    const EXECUTE: u64 = Entry::USER;
    const EPT_WRITE_BACK: u64 = 6 << 3;
    const EPT_ACCESSED: u64 = 1 << 8;
    const EPT_DIRTY: u64 = 1 << 9;

    /// The entry for a table below.
    pub(super) const fn table(self, mfn: Mfn) -> Entry {
        let accessed = match self {
            Self::Npt => Entry::ACCESSED,
            Self::Ept { .. } => Self::EPT_ACCESSED,
        };
        Entry::map(mfn, Self::READ | Self::WRITE | Self::EXECUTE | accessed)
    }

    /// The entry that maps memory, in a table of this level: a page in the last, else 2 MiB.
    pub(super) const fn leaf(self, leaf: &Leaf, level: Level) -> Entry {
        let (large, execute) = match (level, self) {
            (Level::L1, _) => (0, Self::EXECUTE),
            (_, Self::Ept { large_code: false }) => (Entry::LARGE, 0),
            _ => (Entry::LARGE, Self::EXECUTE),
        };
        let used = match self {
            Self::Npt => Entry::ACCESSED | Entry::DIRTY,
            Self::Ept { .. } => Self::EPT_WRITE_BACK | Self::EPT_ACCESSED | Self::EPT_DIRTY,
        };
        let write = if leaf.writable { Self::WRITE } else { 0 };
        Entry::map(leaf.mfn, Self::READ | execute | used | write | large | leaf.kind.bits())
    }
}
