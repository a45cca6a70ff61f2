// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest with a few frames, and the processor it runs on.
use xen_abi::frame::{Gfn, Mfn};

use super::super::{Access, Guest, MIN_FRAMES, Outcome, Shadow};
use crate::frame_memory::FrameMemory;
use crate::hvm::p2m::{self, Leaf, P2m};
use crate::hvm::paging::{
    self, CR0_PE, CR0_PG, CR0_WP, CR4_PAE, CR4_PSE, CR4_SMAP, CR4_SMEP, EFER_LMA, EFER_NXE, Paging,
};
use crate::page_table::{Entry, entry_at};
use crate::page_type::tests::fake::Fake;

/// Frames of the guest: its frame numbers 0 to 63 are these of the machine, in another order.
pub(super) const GUEST_FRAMES: u64 = 64;
const FIRST_GUEST_FRAME: u64 = 16;
const POOL: u64 = 256;

pub(super) const READ: Access =
    Access { write: false, user: false, fetch: false, may_touch_user: false };
pub(super) const WRITE: Access = Access { write: true, ..READ };
pub(super) const USER_READ: Access = Access { user: true, ..READ };
pub(super) const USER_WRITE: Access = Access { write: true, ..USER_READ };
pub(super) const FETCH: Access = Access { fetch: true, ..READ };

pub(super) struct Model {
    pub(super) fake: Fake,
    pub(super) p2m: P2m,
    pub(super) shadow: Shadow,
    pub(super) paging: Paging,
    next_table: u64,
}

pub(super) fn long() -> Paging {
    Paging {
        cr0: CR0_PG | CR0_PE | CR0_WP,
        cr4: CR4_PAE,
        efer: EFER_LMA | EFER_NXE,
        ..Paging::default()
    }
}

pub(super) fn pae() -> Paging {
    Paging { efer: EFER_NXE, ..long() }
}

pub(super) fn legacy() -> Paging {
    Paging { cr4: CR4_PSE, efer: 0, ..long() }
}

pub(super) fn off() -> Paging {
    Paging { cr0: CR0_PE, ..Paging::default() }
}

pub(super) fn mfn_of(gfn: u64) -> Mfn {
    Mfn::new(FIRST_GUEST_FRAME + (gfn * 5 + 3) % GUEST_FRAMES)
}

impl Model {
    pub(super) fn new(paging: Paging) -> Self {
        Self::with_pool(paging, MIN_FRAMES)
    }

    pub(super) fn with_pool(paging: Paging, frames: u32) -> Self {
        let fake = Fake::new();
        let shadow = Shadow::new(&fake, Mfn::new(POOL), frames);
        let p2m = P2m::new(p2m::Format::Npt, Mfn::new(1), 14);
        let mut model = Self { fake, p2m, shadow, paging, next_table: 2 };
        for gfn in 0..GUEST_FRAMES {
            model.give(gfn, true);
        }
        model
    }

    /// Calls `f` with the shadow and the guest.
    pub(super) fn with<T>(&mut self, f: impl FnOnce(&mut Shadow, &Guest<'_, Fake>) -> T) -> T {
        let guest = Guest { memory: &self.fake, p2m: &self.p2m, physical_bits: 40 };
        f(&mut self.shadow, &guest)
    }

    pub(super) fn give(&mut self, gfn: u64, writable: bool) {
        let next = &mut self.next_table;
        let leaf = Leaf { writable, ..Leaf::own(mfn_of(gfn)) };
        let old = self.p2m.set(&self.fake, Gfn::new(gfn), leaf, || {
            *next += 1;
            Some(Mfn::new(*next - 1))
        });
        if let Some(old) = old.unwrap() {
            self.shadow.forget(&self.fake, old.mfn);
        }
    }

    pub(super) fn take(&mut self, gfn: u64) {
        if let Some(leaf) = self.p2m.take(&self.fake, Gfn::new(gfn), || None).unwrap() {
            self.shadow.forget(&self.fake, leaf.mfn);
        }
    }

    /// An entry of 8 bytes in the guest's memory, without anybody's notice.
    pub(super) fn put(&self, table: u64, slot: u64, entry: u64) {
        self.fake.write_u64(entry_at(mfn_of(table), slot), entry);
    }

    /// The same of 4 bytes.
    pub(super) fn put_short(&self, table: u64, slot: u64, entry: u64) {
        let at = entry_at(mfn_of(table), slot >> 1);
        let (shift, keep) = if slot & 1 == 0 { (0, !0 << 32) } else { (32, 0xffff_ffff) };
        self.fake.write_u64(at, self.fake.read_u64(at) & keep | entry << shift);
    }

    pub(super) fn entry(&self, table: u64, slot: u64) -> u64 {
        self.fake.read_u64(entry_at(mfn_of(table), slot))
    }

    /// What the processor finds in the shadow: the frame, if it may.
    pub(super) fn look(&mut self, address: u64, access: Access) -> Option<Mfn> {
        let paging = self.paging;
        let roots = self.with(|shadow, guest| shadow.roots(guest, &paging));
        let is_long = paging.efer & EFER_LMA != 0;
        let (mut table, top) = if is_long {
            (roots[0].unwrap(), 4)
        } else {
            (roots[usize::try_from(address >> 30 & 3).unwrap()]?, 2)
        };
        for level in (1..=top).rev() {
            let slot = address >> (9 * level + 3) & 511;
            let entry = Entry::new(self.fake.read_u64(entry_at(table, slot)));
            if !entry.is_present() {
                return None;
            }
            if level == 1 {
                return self.may(entry, access).then_some(entry.mfn());
            }
            assert!(entry.get() & 7 == 7 && entry.get() >> 63 == 0, "rights of a link");
            table = entry.mfn();
        }
        None
    }

    /// CR0.WP and EFER.NXE are always on beneath the guest.
    fn may(&self, leaf: Entry, access: Access) -> bool {
        let user_page = leaf.get() & Entry::USER != 0;
        let has = |bit| self.paging.cr0 & CR0_PG != 0 && self.paging.cr4 & bit != 0;
        (!access.user || user_page)
            && (!access.write || leaf.is_writable())
            && !(access.fetch && leaf.get() & Entry::NO_EXECUTE != 0)
            && !(access.fetch && !access.user && user_page && has(CR4_SMEP))
            && !(!access.fetch
                && !access.user
                && user_page
                && has(CR4_SMAP)
                && !access.may_touch_user)
    }

    /// An access as the guest sees it: the frame, or what becomes of it.
    pub(super) fn access(&mut self, address: u64, access: Access) -> Result<Mfn, Outcome> {
        for _ in 0..4 {
            if let Some(frame) = self.look(address, access) {
                return Ok(frame);
            }
            let paging = self.paging;
            match self.with(|shadow, guest| shadow.fault(guest, &paging, address, access)) {
                Outcome::Resume => {}
                outcome => return Err(outcome),
            }
        }
        panic!("faults without end at {address:#x}");
    }

    /// A write of the guest's to a word of its memory.
    pub(super) fn write(&mut self, address: u64, value: u64) -> Result<(), Outcome> {
        let frame = self.access(address, WRITE)?;
        self.fake.write_u64(entry_at(frame, address >> 3 & 511), value);
        Ok(())
    }

    pub(super) fn invalidate(&mut self, address: u64) {
        let paging = self.paging;
        self.with(|shadow, guest| shadow.invalidate_page(guest, &paging, address));
    }

    pub(super) fn flush(&mut self) {
        self.with(Shadow::synchronize);
    }

    /// Where the access goes by the guest's tables as they are, by the walk that hypercalls use.
    pub(super) fn meant(&self, address: u64, access: Access) -> Option<Mfn> {
        let paging = Paging { user: access.user, ..self.paging };
        let kind = if access.write { paging::Access::Write } else { paging::Access::Read };
        let physical = paging.translate(address, kind, |at| {
            let leaf = self.p2m.get(&self.fake, Gfn::new(at >> 12)).filter(|leaf| leaf.writable)?;
            Some(self.fake.read_u64(entry_at(leaf.mfn, at >> 3 & 511)))
        })?;
        let leaf = self.p2m.get(&self.fake, Gfn::new(physical >> 12))?;
        (leaf.writable || !access.write).then_some(leaf.mfn)
    }

    /// Whether the shadow gives no more than it may.
    pub(super) fn audit(&mut self) {
        assert_eq!(self.wrong(), 0);
    }

    /// How many entries of the shadow are wrong.
    pub(super) fn wrong(&mut self) -> u64 {
        let gfn_of = |mfn: Mfn| {
            let found = (0..GUEST_FRAMES).find(|gfn| mfn_of(*gfn) == mfn);
            Gfn::new(found.unwrap_or(GUEST_FRAMES))
        };
        self.with(|shadow, guest| shadow.audit(guest, gfn_of, |wrong| std::eprintln!("{wrong:x?}")))
    }
}
