// SPDX-License-Identifier: MIT OR Apache-2.0
//! L1 entries for grants: written by the hypervisor, taken back by the mapper.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Maddr, Mfn};

use super::{Machine, PageTypes, Stop, Update};
use crate::page_table::Entry;

impl<M: Machine> PageTypes<'_, M> {
    /// Writes the leaf of `update` for a granted frame of its `page_owner`, instead of whatever
    /// the entry was. The entry holds the references on the frame, like any other leaf.
    ///
    /// # Errors
    /// `EINVAL` where `update.at` is not aligned or in no L1 table of the mapper; as
    /// [`Self::update_leaf`].
    pub fn map_grant(&self, update: &Update) -> Result<(), Stop> {
        if update.at.get() & 7 != 0 {
            return Err(Errno::Einval.into());
        }
        self.update_leaf(update)
    }

    /// Empties the entry at `at` of an L1 table of `mapper` if it is the mapping of the granted
    /// frame `mfn`, writable or not. The TLB may hold it: the caller flushes.
    ///
    /// # Errors
    /// `EINVAL` where it is anything else.
    pub fn unmap_grant(
        &self,
        at: Maddr,
        mapper: DomId,
        mfn: Mfn,
        writable: bool,
    ) -> Result<(), Stop> {
        if at.get() & 7 != 0 {
            return Err(Errno::Einval.into());
        }
        self.in_l1(at, mapper, || {
            let mut old = self.entry(at);
            loop {
                let ours = old.is_present() && old.mfn() == mfn && old.is_writable() == writable;
                if !ours {
                    return Err(Errno::Einval.into());
                }
                match self.machine.compare_exchange_u64(at, old.get(), Entry::EMPTY.get()) {
                    Ok(()) => break,
                    Err(now) => old = Entry::new(now),
                }
            }
            self.put_leaf(old);
            Ok(())
        })
    }
}
