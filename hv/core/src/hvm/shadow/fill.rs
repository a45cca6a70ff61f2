// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making the entries of the shadow that an access needs, which the guest's tables allow.
use xen_abi::frame::{Gfn, Mfn};

use super::guest_entry::Target;
use super::key::{Key, Rights};
use super::{Access, Guest, Outcome, Shadow, physical};
use crate::frame_memory::FrameMemory;
use crate::page_table::Entry;

/// Bits of each present entry: the processor need not mark it.
const USED: u64 = Entry::PRESENT | Entry::ACCESSED | Entry::DIRTY;

impl Shadow {
    /// Follows `address` from the shadow of `root` on, with what the guest's tables say now.
    pub(super) fn fill<M: FrameMemory>(
        &mut self,
        guest: &Guest<'_, M>,
        root: Key,
        address: u64,
        access: Access,
    ) -> Outcome {
        let memory = guest.memory;
        let mut key = root;
        let Some(mut table) = self.table(memory, &key) else { return Outcome::Resume };
        loop {
            let slot = key.slot(address);
            match guest.wanted(&key, slot) {
                Target::Table(next) => {
                    let Some(below) = self.table(memory, &next) else { return Outcome::Resume };
                    self.pool.set(memory, table, slot, link(self.pool.frame(below)));
                    (key, table) = (next, below);
                }
                Target::Page(gfn, rights) => {
                    let Some(leaf) = guest.p2m.get(memory, gfn) else {
                        return Outcome::NoMemory(physical(gfn, address));
                    };
                    if access.write && !leaf.writable {
                        return Outcome::NoMemory(physical(gfn, address));
                    }
                    let mut rights = shown(&key, rights, access);
                    if !leaf.writable || !self.may_write(guest, leaf.mfn, access.write) {
                        rights = rights.without(Rights::WRITE);
                    }
                    self.pool.set(memory, table, slot, page(leaf.mfn, rights));
                    return Outcome::Resume;
                }
                Target::Missing(gfn) => return Outcome::NoMemory(physical(gfn, 0)),
                // It has changed since the walk; the access faults again.
                Target::Nothing | Target::Reserved => return Outcome::Resume,
            }
        }
    }

    /// Whether a leaf for the frame may be writable, other things being equal; a write makes it so.
    fn may_write<M: FrameMemory>(
        &mut self,
        guest: &Guest<'_, M>,
        frame: Mfn,
        is_write: bool,
    ) -> bool {
        if !self.is_table(guest.memory, frame) || self.out_of_sync.contains(frame) {
            return true;
        }
        if is_write {
            self.take_out_of_sync(guest, frame);
        }
        is_write
    }

    /// Whether a leaf in the shadow of `key` gives no more than the guest's page and the p2m do.
    pub(super) fn is_true<M: FrameMemory>(
        guest: &Guest<'_, M>,
        key: &Key,
        (gfn, rights): (Gfn, Rights),
        leaf: Entry,
    ) -> bool {
        let read = Access { write: false, user: false, fetch: false, may_touch_user: false };
        let Some(behind) = guest.p2m.get(guest.memory, gfn) else { return false };
        let is_within = |access| {
            let most = page(behind.mfn, shown(key, rights, access));
            gives_no_more(leaf, if behind.writable { most } else { most.read_only() })
        };
        is_within(read) || is_within(Access { write: true, ..read })
    }
}

/// What a leaf shows of `rights`: writes must be noticed until the guest's entry is marked dirty. A
/// kernel that is not kept from writing to read-only pages does so by a leaf that user mode cannot
/// use; the processor itself always protects them.
fn shown(key: &Key, rights: Rights, access: Access) -> Rights {
    if !rights.has(Rights::DIRTY) {
        return rights.without(Rights::WRITE);
    }
    let overrides = access.write && !access.user && !key.role.protects_kernel();
    if !overrides || rights.has(Rights::WRITE) {
        return rights;
    }
    let kernel = rights.without(Rights::USER).with(Rights::WRITE);
    if key.role.keeps_kernel_from_user_code() && rights.has(Rights::USER) {
        return kernel.without(Rights::EXECUTE);
    }
    kernel
}

/// Whether a leaf is for the same frame as another, and allows nothing that the other does not.
const fn gives_no_more(leaf: Entry, most: Entry) -> bool {
    let extra = leaf.get() & !most.get();
    let forbidden = most.get() & !leaf.get();
    extra & !Entry::NO_EXECUTE == 0 && forbidden & !(Entry::WRITABLE | Entry::USER) == 0
}

/// The entry for a table; leaves alone tell rights.
pub(super) const fn link(table: Mfn) -> Entry {
    Entry::map(table, USED | Entry::WRITABLE | Entry::USER)
}

fn page(frame: Mfn, rights: Rights) -> Entry {
    let bits = [
        (rights.has(Rights::WRITE), Entry::WRITABLE),
        (rights.has(Rights::USER), Entry::USER),
        (!rights.has(Rights::EXECUTE), Entry::NO_EXECUTE),
    ];
    let flags = bits.iter().filter(|(set, _)| *set).fold(USED, |flags, (_, bit)| flags | bit);
    Entry::map(frame, flags)
}
