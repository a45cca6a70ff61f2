// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Shadow`]: page tables that the hypervisor keeps beside those of a guest, for a processor that
//! cannot walk two levels of them.
//!
//! ```text
//! guest virtual --guest's tables--> gfn --p2m--> mfn       what the guest means
//! guest virtual ------shadow tables------------> mfn       what the processor walks
//! ```
//!
//! - **Filled on faults.** Shadow tables begin empty. A page fault walks the guest's tables as a
//!   processor would ([`walk`]), which is either the guest's own fault or ends in entries of the
//!   shadow ([`fill`]). So whatever the guest allows anew needs no notice.
//! - **One shadow a table, not an address space.** A [`key`] says what a shadow table is the shadow
//!   of; address spaces that share a table share its shadow.
//! - **In sync or not** ([`sync`]). The frame of a table that has a shadow is read-only in all
//!   shadows. The first write to it takes the frame *out of sync*: it is writable, and its shadow is
//!   what a TLB may hold of it. At the next flush that the architecture demands of the guest (CR3,
//!   INVLPG) the entries are compared, and those that are no longer true go.
//! - **Bounded.** The [`pool`] is all there is. When it is used up, the table that was used longest
//!   ago is thrown away.
//! - **Each entry can be found** from the frame that it names ([`reverse_map`]). Entries hold no
//!   references: what leaves the p2m is removed here first ([`Shadow::forget`]).
use xen_abi::frame::{Gfn, Mfn};

use super::p2m::P2m;
use super::paging::Paging;
use crate::frame_memory::FrameMemory;

mod age;
mod array;
#[cfg(debug_assertions)]
mod audit;
mod fill;
mod guest_entry;
mod key;
mod pool;
mod reverse_map;
mod sync;
#[cfg(test)]
mod tests;
mod walk;

use guest_entry::Target;
use key::{Format, Key, Rights, Role, Source};
use pool::{Pool, Table};
use sync::OutOfSync;

/// Fewest frames of a pool: one that holds what a single instruction may need.
pub const MIN_FRAMES: u32 = 160;

/// A guest's memory, and what it knows of its processor.
#[derive(Clone, Copy, Debug)]
pub struct Guest<'a, M> {
    /// Machine memory.
    pub memory: &'a M,
    /// Where the guest's frames are.
    pub p2m: &'a P2m,
    /// Bits of a physical address; entries must not have more.
    pub physical_bits: u32,
}

/// An access of the guest to its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// To write.
    pub write: bool,
    /// By user mode.
    pub user: bool,
    /// To fetch an instruction.
    pub fetch: bool,
    /// The guest's kernel may touch pages of its user mode despite SMAP.
    pub may_touch_user: bool,
}

/// What becomes of a page fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The guest goes on with the same instruction.
    Resume,
    /// It is the guest's own, with this error code.
    PageFault(u32),
    /// There is no memory of the guest, or none to write, at this physical address.
    NoMemory(u64),
}

/// The shadow of a domain's page tables.
#[derive(Debug)]
pub struct Shadow {
    pool: Pool,
    out_of_sync: OutOfSync,
}

impl Shadow {
    /// An empty one, in the `frames` zeroed frames from `first` on, at least [`MIN_FRAMES`].
    #[must_use]
    pub fn new<M: FrameMemory>(memory: &M, first: Mfn, frames: u32) -> Self {
        Self { pool: Pool::new(memory, first, frames), out_of_sync: OutOfSync::default() }
    }

    /// Changes when [`Self::roots`] gives others than before.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.pool.generation
    }

    /// Changes when something goes that a processor may remember.
    #[must_use]
    pub const fn losses(&self) -> u32 {
        self.pool.losses
    }

    /// The tables that the processor begins with: with four levels the first is the root, otherwise
    /// each is the table for a GiB.
    pub fn roots<M: FrameMemory>(
        &mut self,
        guest: &Guest<'_, M>,
        paging: &Paging,
    ) -> [Option<Mfn>; 4] {
        let role = Role::of(paging);
        let mut roots = [None; 4];
        if role.format() == Format::Long {
            let nothing = Key {
                source: Source::Nothing,
                level: role.top_level(),
                part: 0,
                rights: Rights::ALL,
                role,
            };
            let key = match guest.root(role, paging.cr3, 0) {
                Target::Table(key) => key,
                _ => nothing,
            };
            let root = self.table(guest.memory, &key).map(|table| self.pool.frame(table));
            roots = [root, None, None, None];
        } else {
            for (root, number) in roots.iter_mut().zip(0_u64..) {
                if let Target::Table(key) = guest.root(role, paging.cr3, number << 30) {
                    let table = self.pool.find(guest.memory, &key);
                    *root = table.map(|table| self.pool.frame(table));
                }
            }
        }
        roots
    }

    /// A page fault at `address`.
    pub fn fault<M: FrameMemory>(
        &mut self,
        guest: &Guest<'_, M>,
        paging: &Paging,
        address: u64,
        access: Access,
    ) -> Outcome {
        let role = Role::of(paging);
        match guest.walk(role, paging, address, access) {
            Ok(root) => self.fill(guest, root, address, access),
            Err(walk::Refusal::PageFault(code)) => Outcome::PageFault(code),
            Err(walk::Refusal::Missing(gfn)) => Outcome::NoMemory(physical(gfn, 0)),
            Err(walk::Refusal::Again) => Outcome::Resume,
        }
    }

    /// The guest is about to write to its tables unseen: all shadows go.
    pub fn clear<M: FrameMemory>(&mut self, memory: &M) {
        self.out_of_sync = OutOfSync::default();
        self.pool.clear(memory);
    }

    /// A frame is about to leave the p2m, or to be less there: nothing names it from now on, and
    /// what it holds is no table.
    pub fn forget<M: FrameMemory>(&mut self, memory: &M, frame: Mfn) {
        while let Some((table, _)) = self.pool.shadow_of(memory, frame, None) {
            self.pool.free(memory, table);
        }
        self.out_of_sync.remove(frame);
        self.pool.forget(memory, frame);
    }

    /// The shadow of `key`, made if there is none; then the guest's frame is no longer writable.
    fn table<M: FrameMemory>(&mut self, memory: &M, key: &Key) -> Option<Table> {
        if let Some(table) = self.pool.find(memory, key) {
            self.pool.touch(memory, table);
            return Some(table);
        }
        let is_first = key.frame().filter(|frame| !self.is_table(memory, *frame));
        let (table, before) = self.pool.make(memory, key)?;
        if let Some(frame) = before.and_then(|key| key.frame())
            && !self.is_table(memory, frame)
        {
            self.out_of_sync.remove(frame);
        }
        if let Some(frame) = is_first {
            self.protect(memory, frame);
        }
        Some(table)
    }

    /// Whether a frame has a shadow.
    fn is_table<M: FrameMemory>(&self, memory: &M, frame: Mfn) -> bool {
        self.pool.shadow_of(memory, frame, None).is_some()
    }
}

/// The guest's physical address at `offset` of a frame.
const fn physical(gfn: Gfn, offset: u64) -> u64 {
    gfn.get() << xen_abi::frame::PAGE_SHIFT | offset & 0xfff
}
