// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Leaf`]: what is behind a frame of a guest, and the references that stand for it.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;

use crate::page_table::Entry;
use crate::page_type::{Machine, PageTypes, Stop};

/// What a leaf is for, kept in bits 52 and 53.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A frame of the domain: its memory, or one that the hypervisor shares with it.
    Own,
    /// A granted frame of another domain.
    Grant,
    /// A frame of another domain, by privilege.
    Foreign,
}

impl Kind {
    const GRANT: u64 = 1 << 52;
    const FOREIGN: u64 = 1 << 53;

    pub(super) const fn bits(self) -> u64 {
        match self {
            Self::Own => 0,
            Self::Grant => Self::GRANT,
            Self::Foreign => Self::FOREIGN,
        }
    }

    const fn of(entry: Entry) -> Self {
        match entry.get() & (Self::GRANT | Self::FOREIGN) {
            0 => Self::Own,
            Self::GRANT => Self::Grant,
            _ => Self::Foreign,
        }
    }
}

/// A present entry that maps memory: a page, or 2 MiB from this frame on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The machine frame.
    pub mfn: Mfn,
    /// Whose it is.
    pub kind: Kind,
    /// The guest may write there.
    pub writable: bool,
}

impl Leaf {
    /// Memory of the domain itself.
    #[must_use]
    pub const fn own(mfn: Mfn) -> Self {
        Self { mfn, kind: Kind::Own, writable: true }
    }

    /// The part of a large leaf, `offset` frames behind its first.
    #[must_use]
    pub const fn at(self, offset: u64) -> Self {
        Self { mfn: Mfn::new(self.mfn.get().wrapping_add(offset)), ..self }
    }

    /// Takes the references of a page on a frame of `owner`.
    ///
    /// # Errors
    /// `EINVAL` for a frame that is not the owner's or, to be written, in another use;
    /// [`Stop::Preempted`].
    pub fn hold<M: Machine>(&self, types: &PageTypes<'_, M>, owner: DomId) -> Result<(), Stop> {
        if self.writable {
            return types.get_writable(self.mfn, owner);
        }
        types.machine().frame_table().get_page(self.mfn, owner).ok_or(Errno::Einval)?;
        Ok(())
    }

    /// Drops the references of a page that is no longer in the tables.
    pub fn let_go<M: Machine>(&self, types: &PageTypes<'_, M>) {
        if self.writable {
            types.put_writable(self.mfn);
        } else {
            types.put_page(self.mfn);
        }
    }

    pub(super) const fn of(entry: Entry) -> Option<Self> {
        if !entry.is_present() {
            return None;
        }
        Some(Self { mfn: entry.mfn(), kind: Kind::of(entry), writable: entry.is_writable() })
    }
}
