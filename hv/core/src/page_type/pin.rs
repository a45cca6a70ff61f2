// SPDX-License-Identifier: MIT OR Apache-2.0
//! Uses of frames which no page table entry stands for: pins, roots, descriptor tables.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;

use super::{Machine, PageType, PageTypes, Stop};
use crate::page_info::TypeWord;
use crate::page_table::Level;

impl<M: Machine> PageTypes<'_, M> {
    /// Keeps a frame a table of `level` until it is unpinned.
    ///
    /// # Errors
    /// `EINVAL` where it is not the owner's, cannot become a table or is pinned already.
    pub fn pin(&self, mfn: Mfn, level: Level, owner: DomId) -> Result<(), Stop> {
        self.get_page_and_type(mfn, owner, PageType::Table(level))?;
        if self.set_pinned(mfn, true) {
            return Ok(());
        }
        self.put_page_and_type(mfn);
        Err(Errno::Einval.into())
    }

    /// Ends a pin.
    ///
    /// # Errors
    /// `EINVAL` where the frame is not the owner's or not pinned.
    pub fn unpin(&self, mfn: Mfn, owner: DomId) -> Result<(), Stop> {
        self.table.get_page(mfn, owner).ok_or(Errno::Einval)?;
        let was_pinned = self.set_pinned(mfn, false);
        if was_pinned {
            self.put_page_and_type(mfn);
        }
        self.put_page(mfn);
        if was_pinned { Ok(()) } else { Err(Errno::Einval.into()) }
    }

    /// Sets or clears the pin; false where it was so already.
    fn set_pinned(&self, mfn: Mfn, pinned: bool) -> bool {
        let change = |word: TypeWord| {
            (word.is_pinned() != pinned && word.count() > 0).then(|| word.with_pinned(pinned))
        };
        self.page(mfn).update_type(change).is_ok()
    }

    /// Takes the references of a root that a vCPU loads; dropped by
    /// [`Self::put_page_and_type`].
    ///
    /// # Errors
    /// `EINVAL` where the frame cannot be an L4 of `owner`; [`Stop::Preempted`].
    pub fn get_root(&self, mfn: Mfn, owner: DomId) -> Result<(), Stop> {
        self.get_page_and_type(mfn, owner, PageType::Table(Level::L4))
    }

    /// Takes the references of a frame of a descriptor table that a vCPU loads; dropped by
    /// [`Self::put_page_and_type`].
    ///
    /// # Errors
    /// `EINVAL` where the frame is not the owner's, in another use, or has a bad descriptor.
    pub fn get_descriptors(&self, mfn: Mfn, owner: DomId) -> Result<(), Stop> {
        self.get_page_and_type(mfn, owner, PageType::SegDesc)
    }

    /// Takes the references of a frame that the hypervisor writes for a domain; dropped by
    /// [`Self::put_writable`].
    ///
    /// # Errors
    /// `EINVAL` where the frame is not the owner's or in another use.
    pub fn get_writable(&self, mfn: Mfn, owner: DomId) -> Result<(), Stop> {
        let page = self.table.get_page(mfn, owner).ok_or(Errno::Einval)?;
        self.take_type(mfn, page, PageType::Writable).inspect_err(|_| self.drop_page(mfn, page))
    }
}
