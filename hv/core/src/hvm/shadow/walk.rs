// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the processor does at an access, by the guest's tables: it checks rights on the whole path,
//! and marks entries as accessed and dirty.
use super::guest_entry::Target;
use super::key::{Format, Key, Rights, Role, Source};
use super::{Access, Guest};
use crate::frame_memory::FrameMemory;
use crate::hvm::paging::{CR4_SMAP, Paging};
use crate::page_table::Entry;
use xen_abi::frame::Gfn;

/// Why an access cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The guest's page fault, with its error code.
    PageFault(u32),
    /// A table is where the guest has no memory.
    Missing(Gfn),
    /// An entry has changed meanwhile.
    Again,
}

impl Access {
    const PRESENT: u32 = 1 << 0;
    const WRITE: u32 = 1 << 1;
    const USER: u32 = 1 << 2;
    const RESERVED: u32 = 1 << 3;
    const FETCH: u32 = 1 << 4;

    /// The access behind a page fault's error code. `may_touch_user`: the guest's kernel has
    /// suspended supervisor-mode access prevention.
    #[must_use]
    pub const fn of_error_code(code: u32, may_touch_user: bool) -> Self {
        Self {
            write: code & Self::WRITE != 0,
            user: code & Self::USER != 0,
            fetch: code & Self::FETCH != 0,
            may_touch_user,
        }
    }

    /// The error code of a fault by this access.
    fn error_code(self, role: Role, why: u32) -> u32 {
        let tells_fetch = role.has_no_execute() || role.keeps_kernel_from_user_code();
        let bits = [
            (self.write, Self::WRITE),
            (self.user, Self::USER),
            (self.fetch && tells_fetch, Self::FETCH),
        ];
        bits.iter().filter(|(set, _)| *set).fold(why, |code, (_, bit)| code | bit)
    }

    /// Whether `rights` are enough.
    fn is_allowed(self, role: Role, paging: &Paging, rights: Rights) -> bool {
        let user_page = rights.has(Rights::USER);
        let may_write = rights.has(Rights::WRITE) || !self.user && !role.protects_kernel();
        let may_execute = rights.has(Rights::EXECUTE)
            && (self.user || !user_page || !role.keeps_kernel_from_user_code());
        let may_touch = self.fetch || self.may_touch_user || paging.cr4 & CR4_SMAP == 0;
        (user_page || !self.user)
            && (self.user || !user_page || may_touch)
            && (!self.write || may_write)
            && (!self.fetch || may_execute)
    }
}

impl<M: FrameMemory> Guest<'_, M> {
    /// Walks to `address`, and marks the entries on the way. Returns where the walk began.
    pub(super) fn walk(
        &self,
        role: Role,
        paging: &Paging,
        address: u64,
        access: Access,
    ) -> Result<Key, Refusal> {
        let next = |target| match target {
            Target::Table(key) => Ok(key),
            Target::Nothing => Err(Refusal::PageFault(access.error_code(role, 0))),
            Target::Reserved => {
                let why = Access::PRESENT | Access::RESERVED;
                Err(Refusal::PageFault(access.error_code(role, why)))
            }
            Target::Missing(gfn) => Err(Refusal::Missing(gfn)),
            Target::Page(..) => Err(Refusal::Again),
        };
        let root = next(self.root(role, paging.cr3, address))?;
        if role.format() == Format::Off {
            return Ok(root);
        }
        let mut key = root;
        loop {
            let slot = key.slot(address);
            let place = Self::place(&key, slot).ok_or(Refusal::Again)?;
            let raw = place.read(self.memory);
            let rights = match self.target(&key, slot, raw) {
                Target::Page(_, rights) => rights,
                Target::Table(Key { source: Source::Linear(_), rights, .. }) => rights,
                other => {
                    key = next(other)?;
                    place.mark(self.memory, raw, Entry::ACCESSED).ok_or(Refusal::Again)?;
                    continue;
                }
            };
            if !access.is_allowed(role, paging, rights) {
                return Err(Refusal::PageFault(access.error_code(role, Access::PRESENT)));
            }
            let marks = if access.write { Entry::ACCESSED | Entry::DIRTY } else { Entry::ACCESSED };
            place.mark(self.memory, raw, marks).ok_or(Refusal::Again)?;
            return Ok(root);
        }
    }
}
