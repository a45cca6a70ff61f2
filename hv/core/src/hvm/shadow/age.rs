// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables of a pool in one list by their last use, unused ones first.
use super::array::pair;
use super::pool::{AGE_LINKS, Pool, Table};
use crate::frame_memory::FrameMemory;
use crate::word::halves;

/// The ends of the list.
#[derive(Debug, Default)]
pub(super) struct Ages {
    /// Who is used again first.
    pub(super) oldest: Option<Table>,
    /// Who is used again last.
    pub(super) newest: Option<Table>,
}

impl Pool {
    /// A table is the one used last.
    pub(super) fn touch<M: FrameMemory>(&mut self, memory: &M, table: Table) {
        if self.ages.newest != Some(table) {
            self.remove(memory, table);
            self.append(memory, table);
        }
    }

    fn age<M: FrameMemory>(&self, memory: &M, table: Table) -> (Option<Table>, Option<Table>) {
        let (older, newer) = halves(self.record(memory, table, AGE_LINKS));
        (Table::of(older), Table::of(newer))
    }

    fn set_age<M: FrameMemory>(
        &self,
        memory: &M,
        table: Table,
        (older, newer): (Option<Table>, Option<Table>),
    ) {
        self.set_record(memory, table, AGE_LINKS, pair(Table::number(older), Table::number(newer)));
    }

    pub(super) fn remove<M: FrameMemory>(&mut self, memory: &M, table: Table) {
        let (older, newer) = self.age(memory, table);
        self.join(memory, older, newer);
    }

    pub(super) fn append<M: FrameMemory>(&mut self, memory: &M, table: Table) {
        let newest = self.ages.newest;
        self.join(memory, newest, Some(table));
        self.join(memory, Some(table), None);
    }

    pub(super) fn prepend<M: FrameMemory>(&mut self, memory: &M, table: Table) {
        let oldest = self.ages.oldest;
        self.join(memory, Some(table), oldest);
        self.join(memory, None, Some(table));
    }

    /// Makes two tables neighbours by age; `None` is the end of the list.
    fn join<M: FrameMemory>(&mut self, memory: &M, older: Option<Table>, newer: Option<Table>) {
        match older {
            Some(table) => {
                let (before, _) = self.age(memory, table);
                self.set_age(memory, table, (before, newer));
            }
            None => self.ages.oldest = newer,
        }
        match newer {
            Some(table) => {
                let (_, behind) = self.age(memory, table);
                self.set_age(memory, table, (older, behind));
            }
            None => self.ages.newest = older,
        }
    }
}
