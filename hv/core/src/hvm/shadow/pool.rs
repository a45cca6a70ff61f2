// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Pool`]: a domain's shadow tables, as many as its frames hold.
//!
//! The frames are one block:
//!
//! ```text
//! | reverse map's buckets | tables' buckets | records | links, a frame a table | tables |
//! ```
//!
//! Who needs a table gets the one that was used longest ago ([`super::age`]), whatever it is the
//! shadow of.
use xen_abi::frame::Mfn;

use super::age::Ages;
use super::array::{Array, bucket, pair};
use super::key::Key;
use super::reverse_map::{Node, ReverseMap};
use crate::frame_memory::FrameMemory;
use crate::page_table::{ENTRIES, Entry, entry_at};
use crate::word::halves;

/// A table of the pool: 1 to the number of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Table(u32);

impl Table {
    pub(super) const fn of(number: u32) -> Option<Self> {
        if number == 0 { None } else { Some(Self(number)) }
    }

    pub(super) fn number(table: Option<Self>) -> u32 {
        table.map_or(0, |table| table.0)
    }

    const fn index(self) -> u32 {
        self.0.wrapping_sub(1)
    }
}

/// Words of a table's record: the key (2), the next one of its bucket, neighbours by age.
const RECORD: u64 = 4;
const BUCKET_LINK: u64 = 2;
pub(super) const AGE_LINKS: u64 = 3;
/// Buckets of tables: a frame of them.
const BUCKETS: u64 = Array::PER_FRAME;

/// See above.
#[derive(Debug)]
pub(super) struct Pool {
    /// The first table.
    first: Mfn,
    tables: u32,
    reverse: ReverseMap,
    heads: Array,
    records: Array,
    pub(super) ages: Ages,
    /// How often something went from a table that a processor may remember.
    pub(super) losses: u32,
    /// Changes when a table that a root register can name comes or goes.
    pub(super) generation: u32,
}

impl Pool {
    /// Makes tables of the `frames` zeroed frames from `first` on.
    pub(super) fn new<M: FrameMemory>(memory: &M, first: Mfn, frames: u32) -> Self {
        let reverse_frames = (frames >> 6).max(1).next_power_of_two();
        let left = frames.saturating_sub(reverse_frames).saturating_sub(1);
        let record_frames = left.div_ceil(256);
        let tables = left.saturating_sub(record_frames) >> 1;
        let frame = |offset: u32| Mfn::new(first.get().wrapping_add(u64::from(offset)));
        let heads = reverse_frames;
        let records = heads.saturating_add(1);
        let links = records.saturating_add(record_frames);
        let buckets = u64::from(reverse_frames).saturating_mul(Array::PER_FRAME);
        let mut pool = Self {
            first: frame(links.saturating_add(tables)),
            tables,
            reverse: ReverseMap::new(Array::new(first), buckets, Array::new(frame(links))),
            heads: Array::new(frame(heads)),
            records: Array::new(frame(records)),
            ages: Ages::default(),
            losses: 0,
            generation: 0,
        };
        for number in 1..=tables {
            pool.append(memory, Table(number));
        }
        pool
    }

    /// The frame of a table.
    pub(super) const fn frame(&self, table: Table) -> Mfn {
        Mfn::new(self.first.get().wrapping_add(table.index() as u64))
    }

    /// The table in a frame that an entry names.
    pub(super) fn table_in(&self, frame: Mfn) -> Option<Table> {
        let index = frame.get().checked_sub(self.first.get())?;
        let index = u32::try_from(index).ok().filter(|index| *index < self.tables)?;
        Table::of(index.saturating_add(1))
    }

    pub(super) fn record<M: FrameMemory>(&self, memory: &M, table: Table, word: u64) -> u64 {
        self.records.get(memory, u64::from(table.index()).wrapping_mul(RECORD).wrapping_add(word))
    }

    pub(super) fn set_record<M: FrameMemory>(
        &self,
        memory: &M,
        table: Table,
        word: u64,
        value: u64,
    ) {
        let index = u64::from(table.index()).wrapping_mul(RECORD).wrapping_add(word);
        self.records.set(memory, index, value);
    }

    /// What a table is the shadow of; `None` if it is unused.
    pub(super) fn key<M: FrameMemory>(&self, memory: &M, table: Table) -> Option<Key> {
        Key::unpack([self.record(memory, table, 0), self.record(memory, table, 1)])
    }

    /// How many tables there are, in use or not.
    #[cfg(debug_assertions)]
    pub(super) const fn len(&self) -> u32 {
        self.tables
    }

    /// One of them with its key, by a number from 0 on; `None` if it is unused.
    #[cfg(debug_assertions)]
    pub(super) fn nth<M: FrameMemory>(&self, memory: &M, number: u32) -> Option<(Table, Key)> {
        let table = Table(number.saturating_add(1));
        Some((table, self.key(memory, table)?))
    }

    /// The tables in the bucket of a key's first word.
    fn bucket<M: FrameMemory>(&self, memory: &M, word: u64) -> impl Iterator<Item = Table> {
        let (first, _) = halves(self.heads.get(memory, bucket(word, BUCKETS)));
        self.chain(memory, first)
    }

    fn chain<M: FrameMemory>(&self, memory: &M, first: u32) -> impl Iterator<Item = Table> {
        core::iter::successors(Table::of(first), move |table| {
            Table::of(halves(self.record(memory, *table, BUCKET_LINK)).0)
        })
    }

    /// The shadow of `key`, if there is one.
    pub(super) fn find<M: FrameMemory>(&self, memory: &M, key: &Key) -> Option<Table> {
        let [word, _] = key.pack();
        self.bucket(memory, word).find(|table| self.key(memory, *table) == Some(*key))
    }

    /// The first shadow of the guest's table in `frame`, or the one behind `after`.
    pub(super) fn shadow_of<M: FrameMemory>(
        &self,
        memory: &M,
        frame: Mfn,
        after: Option<Table>,
    ) -> Option<(Table, Key)> {
        let word = Key::word_of(frame);
        let first = match after {
            Some(table) => halves(self.record(memory, table, BUCKET_LINK)).0,
            None => halves(self.heads.get(memory, bucket(word, BUCKETS))).0,
        };
        self.chain(memory, first).find_map(|table| {
            let key = self.key(memory, table)?;
            (key.frame() == Some(frame)).then_some((table, key))
        })
    }

    /// An empty shadow of `key`, which has none. Returns with it what the table was the shadow of
    /// until now.
    pub(super) fn make<M: FrameMemory>(
        &mut self,
        memory: &M,
        key: &Key,
    ) -> Option<(Table, Option<Key>)> {
        let table = self.ages.oldest?;
        let before = self.key(memory, table);
        if before.is_some() {
            self.free(memory, table);
        }
        let [word, rest] = key.pack();
        self.set_record(memory, table, 0, word);
        self.set_record(memory, table, 1, rest);
        let at = bucket(word, BUCKETS);
        self.set_record(memory, table, BUCKET_LINK, self.heads.get(memory, at));
        self.heads.set(memory, at, pair(table.0, 0));
        self.touch(memory, table);
        self.note_root(key);
        Some((table, before))
    }

    /// Empties a table and takes it out of use; nothing names it any longer.
    pub(super) fn free<M: FrameMemory>(&mut self, memory: &M, table: Table) {
        let Some(key) = self.key(memory, table) else { return };
        for slot in 0..ENTRIES {
            self.set(memory, table, slot, Entry::EMPTY);
        }
        self.forget(memory, self.frame(table));
        self.leave_bucket(memory, table, &key);
        self.set_record(memory, table, 0, 0);
        self.remove(memory, table);
        self.prepend(memory, table);
        self.note_root(&key);
    }

    /// Takes all tables out of use.
    pub(super) fn clear<M: FrameMemory>(&mut self, memory: &M) {
        while let Some(table) = self.ages.newest
            && self.key(memory, table).is_some()
        {
            self.free(memory, table);
        }
    }

    const fn note_loss(&mut self) {
        self.losses = self.losses.wrapping_add(1);
    }

    const fn note_root(&mut self, key: &Key) {
        if key.is_top() {
            self.generation = self.generation.wrapping_add(1);
        }
    }

    fn leave_bucket<M: FrameMemory>(&self, memory: &M, table: Table, key: &Key) {
        let [word, _] = key.pack();
        let next = self.record(memory, table, BUCKET_LINK);
        let is_before = |other: &Table| {
            Table::of(halves(self.record(memory, *other, BUCKET_LINK)).0) == Some(table)
        };
        match self.bucket(memory, word).find(is_before) {
            Some(before) => self.set_record(memory, before, BUCKET_LINK, next),
            None => self.heads.set(memory, bucket(word, BUCKETS), next),
        }
    }

    /// An entry of a table.
    pub(super) fn get<M: FrameMemory>(&self, memory: &M, table: Table, slot: u64) -> Entry {
        Entry::new(memory.read_u64(entry_at(self.frame(table), slot)))
    }

    /// Replaces an entry of a table.
    pub(super) fn set<M: FrameMemory>(&mut self, memory: &M, table: Table, slot: u64, new: Entry) {
        let old = self.get(memory, table, slot);
        if old == new {
            return;
        }
        memory.write_u64(entry_at(self.frame(table), slot), new.get());
        if old.is_present() {
            self.note_loss();
        }
        if old.is_present() && new.is_present() && old.mfn() == new.mfn() {
            return;
        }
        let node = Node::new(table.index(), slot);
        if old.is_present() {
            self.reverse.remove(memory, old.mfn(), node);
        }
        if new.is_present() {
            self.reverse.insert(memory, new.mfn(), node);
        }
    }

    /// Calls `f` for each entry that names `frame`; it may change that entry and no other.
    pub(super) fn for_each_naming<M: FrameMemory>(
        &mut self,
        memory: &M,
        frame: Mfn,
        mut f: impl FnMut(&mut Self, Table, u64, Entry),
    ) {
        let mut at = self.reverse.first(memory, frame);
        while let Some(node) = at {
            at = self.reverse.next(memory, node);
            let table = Table(node.table().wrapping_add(1));
            let entry = self.get(memory, table, node.slot());
            if entry.mfn() == frame {
                f(self, table, node.slot(), entry);
            }
        }
    }

    /// Takes away each entry that names `frame`.
    pub(super) fn forget<M: FrameMemory>(&mut self, memory: &M, frame: Mfn) {
        self.for_each_naming(memory, frame, |pool, table, slot, _| {
            pool.set(memory, table, slot, Entry::EMPTY);
        });
    }
}
