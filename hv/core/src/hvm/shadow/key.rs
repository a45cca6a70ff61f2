// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Key`]: what a shadow table is the shadow of.
//!
//! Rights are told by leaves alone, so the rights of the path to a table belong to its key: a table
//! of the guest that is reached by two paths with different rights has two shadows.
use core::ops::BitAnd;

use xen_abi::frame::{Gfn, Mfn};

use crate::hvm::paging::{CR0_PG, CR0_WP, CR4_PAE, CR4_PSE, CR4_SMEP, EFER_LMA, EFER_NXE, Paging};

/// What may be done through entries, as far as all of them on a path allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights(u64);

impl Rights {
    pub(super) const WRITE: u64 = 1 << 0;
    pub(super) const USER: u64 = 1 << 1;
    pub(super) const EXECUTE: u64 = 1 << 2;
    /// The guest's leaf is marked dirty: writing needs no more notice.
    pub(super) const DIRTY: u64 = 1 << 3;
    pub(super) const ALL: Self = Self(0b1111);

    /// Whether all of `bits` are there.
    pub(super) const fn has(self, bits: u64) -> bool {
        self.0 & bits == bits
    }

    pub(super) const fn without(self, bits: u64) -> Self {
        Self(self.0 & !bits)
    }

    pub(super) const fn with(self, bits: u64) -> Self {
        Self(self.0 | bits)
    }
}

impl BitAnd for Rights {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// How a guest's tables look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// None: paging is off, addresses are physical.
    Off,
    /// Two levels of 4-byte entries.
    Legacy,
    /// Three levels of 8-byte entries; the topmost has four.
    Pae,
    /// Four levels.
    Long,
}

/// The state of a vCPU on which the meaning of its tables depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Role(u64);

impl Role {
    const FORMAT: u64 = 0b11;
    const WP: u64 = 1 << 2;
    const NXE: u64 = 1 << 3;
    const PSE: u64 = 1 << 4;
    const SMEP: u64 = 1 << 5;

    pub(super) const fn of(paging: &Paging) -> Self {
        let format = if paging.cr0 & CR0_PG == 0 {
            return Self(Format::Off as u64);
        } else if paging.efer & EFER_LMA != 0 {
            Format::Long
        } else if paging.cr4 & CR4_PAE != 0 {
            Format::Pae
        } else {
            Format::Legacy
        };
        let mut role = format as u64;
        if paging.cr0 & CR0_WP != 0 {
            role |= Self::WP;
        }
        if paging.efer & EFER_NXE != 0 {
            role |= Self::NXE;
        }
        if paging.cr4 & CR4_PSE != 0 {
            role |= Self::PSE;
        }
        if paging.cr4 & CR4_SMEP != 0 {
            role |= Self::SMEP;
        }
        Self(role)
    }

    pub(super) const fn format(self) -> Format {
        match self.0 & Self::FORMAT {
            0 => Format::Off,
            1 => Format::Legacy,
            2 => Format::Pae,
            _ => Format::Long,
        }
    }

    /// Read-only pages are so for the guest's kernel too.
    pub(super) const fn protects_kernel(self) -> bool {
        self.0 & Self::WP != 0
    }

    /// Entries can forbid execution.
    pub(super) const fn has_no_execute(self) -> bool {
        self.0 & Self::NXE != 0 && !matches!(self.format(), Format::Legacy)
    }

    /// Entries of level 2 can be large pages.
    pub(super) const fn has_large_pages(self) -> bool {
        self.0 & Self::PSE != 0 || !matches!(self.format(), Format::Legacy)
    }

    /// The guest's kernel must not execute pages of its user mode.
    pub(super) const fn keeps_kernel_from_user_code(self) -> bool {
        self.0 & Self::SMEP != 0
    }

    /// The level of the tables that a root register names: with three levels of the guest's own
    /// those that its four pointers name.
    pub(super) const fn top_level(self) -> u8 {
        if matches!(self.format(), Format::Long) { 4 } else { 2 }
    }
}

/// Where the entries of a shadow table come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A table of the guest, by its frame.
    Table(Mfn),
    /// The guest's physical addresses one after the other: a large page, or paging is off.
    Linear(Gfn),
    /// Nowhere: a root that is not in the guest's memory.
    Nothing,
}

/// The shadow of what, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) source: Source,
    /// 1 to 4; the entries of level 1 are leaves.
    pub(super) level: u8,
    /// Which part of a table whose shadow takes more than one: 0 to 3.
    pub(super) part: u8,
    /// What the path to here allows.
    pub(super) rights: Rights,
    pub(super) role: Role,
}

impl Key {
    const TABLE: u64 = 1;
    const LINEAR: u64 = 2;
    const NOTHING: u64 = 3;

    /// The first word of each key for the guest's table in `frame`.
    pub(super) const fn word_of(frame: Mfn) -> u64 {
        frame.get() << 2 | Self::TABLE
    }

    /// Two words; the first is never 0.
    pub(super) const fn pack(&self) -> [u64; 2] {
        let source = match self.source {
            Source::Table(mfn) => Self::word_of(mfn),
            Source::Linear(gfn) => gfn.get() << 2 | Self::LINEAR,
            Source::Nothing => Self::NOTHING,
        };
        let rest =
            self.level as u64 | (self.part as u64) << 8 | self.rights.0 << 16 | self.role.0 << 24;
        [source, rest]
    }

    /// What was packed; `None` for a first word of 0.
    pub(super) const fn unpack([source, rest]: [u64; 2]) -> Option<Self> {
        let source = match source & 3 {
            0 => return None,
            Self::TABLE => Source::Table(Mfn::new(source >> 2)),
            Self::LINEAR => Source::Linear(Gfn::new(source >> 2)),
            _ => Source::Nothing,
        };
        let [level, part, rights, role, ..] = rest.to_le_bytes();
        Some(Self { source, level, part, rights: Rights(rights as u64), role: Role(role as u64) })
    }

    /// The frame of the guest whose contents are shadowed.
    pub(super) const fn frame(&self) -> Option<Mfn> {
        match self.source {
            Source::Table(mfn) => Some(mfn),
            Source::Linear(_) | Source::Nothing => None,
        }
    }

    /// Whether a root register of a vCPU may name the shadow.
    pub(super) const fn is_top(&self) -> bool {
        self.level == self.role.top_level()
    }

    /// The entry for `address`.
    pub(super) const fn slot(&self, address: u64) -> u64 {
        address >> Self::shift(self.level) & 0x1ff
    }

    /// The lowest bit of an address that an entry of `level` translates.
    pub(super) const fn shift(level: u8) -> u32 {
        9_u32.wrapping_mul(level as u32).wrapping_add(3)
    }

    /// How many frames an entry covers.
    pub(super) const fn span(&self) -> u64 {
        1 << Self::shift(self.level).wrapping_sub(12)
    }
}
