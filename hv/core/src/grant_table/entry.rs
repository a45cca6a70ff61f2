// SPDX-License-Identifier: MIT OR Apache-2.0
//! One grant: taking it into use and releasing it, against a guest that changes it meanwhile.

use core::sync::atomic::Ordering::{AcqRel, Acquire, SeqCst};
use xen_abi::domain::DomId;
use xen_abi::grant_table::{GrantFlags, GrantStatus, SharedGrantEntry, pack_header, unpack_header};

/// How often a change of the guest's is looked at again before the grant counts as unstable.
const ATTEMPTS: usize = 5;

/// What a user of a grant may do with the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read it.
    ReadOnly,
    /// Read and write it.
    ReadWrite,
}

/// What a grant is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A mapping.
    Map,
    /// One copy.
    Copy,
}

/// The hypervisor's record of an entry in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Active {
    /// The machine frame that was granted when the first user came; the guest's entry may say
    /// another since.
    pub frame: u32,
    /// The domain that uses it.
    pub user: DomId,
    /// Users.
    pub pins: u16,
    /// Users that write.
    pub writers: u16,
}

impl Active {
    /// Nobody uses it.
    pub const UNUSED: Self = Self { frame: 0, user: DomId::DOM0, pins: 0, writers: 0 };

    /// Takes the entry into use once more for `user`; `machine` finds the machine frame behind the
    /// frame that the entry names.
    pub(super) fn pin(
        &mut self,
        shared: &SharedGrantEntry,
        user: DomId,
        access: Access,
        purpose: Use,
        machine: impl FnOnce(u32) -> Option<u32>,
    ) -> Result<(), GrantStatus> {
        if self.pins > 0 && self.user != user {
            return Err(GrantStatus::GENERAL_ERROR);
        }
        let pins = self.pins.checked_add(1).ok_or(GrantStatus::GENERAL_ERROR)?;
        let new_writer = access == Access::ReadWrite && self.writers == 0;
        if self.pins == 0 || new_writer {
            mark_used(shared, user, access, purpose)?;
        }
        if self.pins == 0 {
            // A frame that is none is refused by whoever looks it up.
            self.frame = machine(shared.frame.load(Acquire)).unwrap_or(u32::MAX);
            self.user = user;
        }
        self.pins = pins;
        if access == Access::ReadWrite {
            self.writers = self.writers.saturating_add(1);
        }
        Ok(())
    }

    /// One use ended; the guest sees it when the last one, or the last writer, has gone.
    /// Returns `false` if there was no such use.
    pub(super) fn unpin(&mut self, shared: &SharedGrantEntry, access: Access) -> bool {
        let is_writer = access == Access::ReadWrite;
        let Some(pins) = self.pins.checked_sub(1) else { return false };
        let Some(writers) = self.writers.checked_sub(u16::from(is_writer)) else { return false };
        if writers > pins {
            return false;
        }
        let mut over = GrantFlags::empty();
        if is_writer && writers == 0 {
            over |= GrantFlags::WRITING;
        }
        if pins == 0 {
            over |= GrantFlags::READING;
        }
        shared.header.fetch_and(!pack_header(over, DomId::DOM0), AcqRel);
        *self = if pins == 0 { Self::UNUSED } else { Self { pins, writers, ..*self } };
        true
    }
}

/// Sets the entry's "in use" bits, if it permits this use.
#[inline]
fn mark_used(
    shared: &SharedGrantEntry,
    user: DomId,
    access: Access,
    purpose: Use,
) -> Result<(), GrantStatus> {
    let mut checked = GrantFlags::TYPE_MASK;
    if purpose == Use::Map {
        checked |= GrantFlags::SUB_PAGE;
    }
    let mut in_use = GrantFlags::READING;
    if access == Access::ReadWrite {
        checked |= GrantFlags::READONLY;
        in_use |= GrantFlags::WRITING;
    }
    let in_use = pack_header(in_use, DomId::DOM0);
    let mut word = shared.header.load(Acquire);
    for _ in 0..ATTEMPTS {
        let (flags, domid) = unpack_header(word);
        if flags & checked != GrantFlags::PERMIT_ACCESS || domid != user {
            return Err(GrantStatus::GENERAL_ERROR);
        }
        match shared.header.compare_exchange(word, word | in_use, SeqCst, Acquire) {
            Ok(_) => return Ok(()),
            Err(changed) => word = changed,
        }
    }
    Err(GrantStatus::GENERAL_ERROR)
}
