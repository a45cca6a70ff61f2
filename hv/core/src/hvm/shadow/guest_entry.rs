// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's own entries: where they are, and what the shadow of one is (Intel SDM volume 3,
//! chapter 4; AMD APM volume 2, chapter 5).
use xen_abi::frame::{Gfn, Maddr, Mfn, PAGE_SHIFT};

use super::Guest;
use super::key::{Format, Key, Rights, Source};
use crate::frame_memory::FrameMemory;
use crate::hvm::p2m::Kind;
use crate::page_table::Entry;

/// An entry of the guest: 8 bytes, or one half of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    word: Maddr,
    bytes: u64,
    high: bool,
}

impl Place {
    /// Entry `index` of a table.
    pub(super) const fn new(table: Mfn, format: Format, index: u64) -> Self {
        let bytes = if matches!(format, Format::Legacy) { 4 } else { 8 };
        let at = table.maddr().get() | index.wrapping_mul(bytes) & 0xfff;
        Self { word: Maddr::new(at & !7), bytes, high: at & 4 != 0 }
    }

    /// The entry behind slot `slot` of the shadow `key` of `table`. An entry of 4 bytes of level 2
    /// covers 4 MiB, so that it has two in the shadow; and a table has 1024 of them.
    fn behind(key: &Key, table: Mfn, slot: u64) -> Self {
        let format = key.role.format();
        let part = u64::from(key.part);
        let index = match (format, key.level) {
            (Format::Legacy, 1) => part << 9 | slot,
            (Format::Legacy, _) => part << 8 | slot >> 1,
            _ => slot,
        };
        Self::new(table, format, index)
    }

    pub(super) fn read<M: FrameMemory>(self, memory: &M) -> u64 {
        let word = memory.read_u64(self.word);
        match (self.bytes, self.high) {
            (8, _) => word,
            (_, true) => word >> 32,
            (_, false) => word & 0xffff_ffff,
        }
    }

    /// Sets `bits` in the entry, unless it is no longer `raw`.
    pub(super) fn mark<M: FrameMemory>(self, memory: &M, raw: u64, bits: u64) -> Option<()> {
        if raw & bits == bits {
            return Some(());
        }
        if self.read(memory) != raw {
            return None;
        }
        let word = memory.read_u64(self.word);
        let bits = if self.high { bits << 32 } else { bits };
        memory.compare_exchange_u64(self.word, word, word | bits).ok()
    }
}

/// What an entry of the guest says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Not present.
    Nothing,
    /// Bits are set that must not be.
    Reserved,
    /// A table that is not in the guest's memory.
    Missing(Gfn),
    /// The shadow of this comes next.
    Table(Key),
    /// A page of 4 KiB.
    Page(Gfn, Rights),
}

impl<M: FrameMemory> Guest<'_, M> {
    /// The frame of a table of the guest: only its own memory can be one, since writes of others
    /// would go unseen.
    pub(super) fn table(&self, gfn: Gfn) -> Option<Mfn> {
        let leaf = self.p2m.get(self.memory, gfn)?;
        (leaf.kind == Kind::Own && leaf.writable).then_some(leaf.mfn)
    }

    /// The guest's entry behind a slot of a shadow, where it has one.
    pub(super) fn place(key: &Key, slot: u64) -> Option<Place> {
        Some(Place::behind(key, key.frame()?, slot))
    }

    /// What slot `slot` of the shadow of `key` stands for as the guest's tables are now. An entry
    /// that is not marked as accessed counts as none: using it needs the mark.
    pub(super) fn wanted(&self, key: &Key, slot: u64) -> Target {
        match key.source {
            Source::Nothing => Target::Nothing,
            Source::Linear(first) => {
                let gfn = first.get().wrapping_add(slot.wrapping_mul(key.span()));
                below(key, Gfn::new(gfn), key.rights)
            }
            Source::Table(table) => {
                let raw = Place::behind(key, table, slot).read(self.memory);
                if raw & Entry::ACCESSED == 0 {
                    Target::Nothing
                } else {
                    self.target(key, slot, raw)
                }
            }
        }
    }

    /// What the guest's entry `raw` behind slot `slot` of the shadow of `key` says.
    pub(super) fn target(&self, key: &Key, slot: u64, raw: u64) -> Target {
        if raw & Entry::PRESENT == 0 {
            return Target::Nothing;
        }
        let is_page = key.level == 1 || raw & Entry::LARGE != 0 && key.role.has_large_pages();
        if raw & self.reserved(key, is_page && key.level > 1) != 0 {
            return Target::Reserved;
        }
        let mut rights = key.rights;
        if raw & Entry::WRITABLE == 0 {
            rights = rights.without(Rights::WRITE);
        }
        if raw & Entry::USER == 0 {
            rights = rights.without(Rights::USER);
        }
        if raw & Entry::NO_EXECUTE != 0 {
            rights = rights.without(Rights::EXECUTE);
        }
        if is_page {
            if raw & Entry::DIRTY == 0 {
                rights = rights.without(Rights::DIRTY);
            }
            return below(key, page(key, slot, raw), rights);
        }
        let gfn = Gfn::new((raw & Entry::ADDRESS) >> PAGE_SHIFT);
        let Some(table) = self.table(gfn) else { return Target::Missing(gfn) };
        let is_half = key.role.format() == Format::Legacy;
        Target::Table(Key {
            source: Source::Table(table),
            level: key.level.wrapping_sub(1),
            part: if is_half { u8::from(slot & 1 != 0) } else { 0 },
            rights,
            role: key.role,
        })
    }

    /// Bits that an entry must not have.
    fn reserved(&self, key: &Key, is_large: bool) -> u64 {
        const LARGE_LEGACY: u64 = 1 << 21;
        const AVAILABLE_HIGH: u64 = 0x7ff0_0000_0000_0000;
        if key.role.format() == Format::Legacy {
            return if is_large { LARGE_LEGACY } else { 0 };
        }
        let mut bits = Entry::ADDRESS & u64::MAX.wrapping_shl(self.physical_bits);
        if !key.role.has_no_execute() {
            bits |= Entry::NO_EXECUTE;
        }
        if key.role.format() == Format::Pae {
            bits |= AVAILABLE_HIGH;
        }
        match (key.level, is_large) {
            (4, _) => bits | Entry::LARGE,
            (3, true) => bits | 0x3fff_e000,
            (2, true) => bits | 0x001f_e000,
            _ => bits,
        }
    }

    /// The root for `address`.
    pub(super) fn root(&self, role: super::Role, cr3: u64, address: u64) -> Target {
        let quarter = address >> 30 & 3;
        let [part, ..] = quarter.to_le_bytes();
        let level = role.top_level();
        let key = |source, part| Key { source, level, part, rights: Rights::ALL, role };
        let at = Gfn::new((cr3 & Entry::ADDRESS) >> PAGE_SHIFT);
        if role.format() == Format::Off {
            return Target::Table(key(Source::Linear(Gfn::new(quarter << 18)), 0));
        }
        let Some(table) = self.table(at) else { return Target::Missing(at) };
        match role.format() {
            Format::Off | Format::Long => Target::Table(key(Source::Table(table), 0)),
            Format::Legacy => Target::Table(key(Source::Table(table), part)),
            Format::Pae => {
                let index = (cr3 & 0xfe0) >> 3 | quarter;
                let raw = Place::new(table, Format::Pae, index).read(self.memory);
                self.pointer(raw, |table| key(Source::Table(table), 0))
            }
        }
    }

    /// What one of the four pointers of PAE says.
    fn pointer(&self, raw: u64, key: impl Fn(Mfn) -> Key) -> Target {
        /// All but present, the caching and those for software.
        const MUST_BE_0: u64 = 0xfff0_0000_0000_01e6;
        if raw & Entry::PRESENT == 0 {
            return Target::Nothing;
        }
        if raw & (MUST_BE_0 | Entry::ADDRESS & u64::MAX.wrapping_shl(self.physical_bits)) != 0 {
            return Target::Reserved;
        }
        let gfn = Gfn::new((raw & Entry::ADDRESS) >> PAGE_SHIFT);
        self.table(gfn).map_or(Target::Missing(gfn), |table| Target::Table(key(table)))
    }
}

/// What is behind an entry of `key` for the frames from `gfn` on: a page, or the shadow of as many
/// as are left of a large one.
const fn below(key: &Key, gfn: Gfn, rights: Rights) -> Target {
    if key.level == 1 {
        return Target::Page(gfn, rights);
    }
    let level = key.level.wrapping_sub(1);
    Target::Table(Key { source: Source::Linear(gfn), level, part: 0, rights, role: key.role })
}

/// The first frame of a page. Large pages of 4-byte entries have bits 32 to 39 of the address in
/// bits 13 to 20, and are twice as large as what a slot of the shadow covers.
const fn page(key: &Key, slot: u64, raw: u64) -> Gfn {
    let address = match (key.role.format(), key.level) {
        (Format::Legacy, 2) => raw & 0xffc0_0000 | (raw & 0x001f_e000) << 19 | (slot & 1) << 21,
        (_, level) => raw & Entry::ADDRESS & u64::MAX.wrapping_shl(Key::shift(level)),
    };
    Gfn::new(address >> PAGE_SHIFT)
}
