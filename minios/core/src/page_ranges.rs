// SPDX-License-Identifier: MIT OR Apache-2.0
//! A set of pages as a short list of ranges: what memory there is, and what of it is free.
use core::ops::Range;

use heapless::Vec;

#[cfg(test)]
mod tests;

/// Ranges at most. Pages that would need one more are left out: memory that is not used.
const MAX: usize = 32;

/// Page numbers, in ascending ranges that do not touch each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRanges {
    ranges: Vec<Range<u64>, MAX>,
}

impl PageRanges {
    /// No pages.
    #[must_use]
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// Adds the pages of a range.
    pub fn add(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let mut merged = range;
        self.ranges.retain(|other| {
            let apart = other.end < merged.start || merged.end < other.start;
            if !apart {
                merged = merged.start.min(other.start)..merged.end.max(other.end);
            }
            apart
        });
        let at = self.ranges.iter().take_while(|other| other.start < merged.start).count();
        let _ = self.ranges.insert(at, merged);
    }

    /// Takes the pages of a range out.
    pub fn remove(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let mut rest = Self::new();
        for old in &self.ranges {
            rest.add(old.start..old.end.min(range.start).max(old.start));
            rest.add(old.start.max(range.end).min(old.end)..old.end);
        }
        *self = rest;
    }

    /// Keeps the first `count` pages.
    pub fn truncate(&mut self, count: u64) {
        let mut left = count;
        for range in self.clone().iter() {
            let kept = left.min(range.end - range.start);
            self.remove(range.start + kept..range.end);
            left -= kept;
        }
    }

    /// The ranges, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Range<u64>> {
        self.ranges.iter().cloned()
    }

    /// How many pages.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.iter().map(|range| range.end - range.start).sum()
    }

    /// One behind the last page; 0 if there is none.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.ranges.last().map_or(0, |range| range.end)
    }

    /// Whether all pages of a range are here.
    #[must_use]
    pub fn contains(&self, range: &Range<u64>) -> bool {
        range.is_empty()
            || self.iter().any(|here| here.start <= range.start && range.end <= here.end)
    }

    /// The longest run of pages below page number `limit`.
    #[must_use]
    pub fn longest_below(&self, limit: u64) -> Option<Range<u64>> {
        self.iter()
            .map(|range| range.start..range.end.min(limit))
            .filter(|range| !range.is_empty())
            .max_by_key(|range| range.end - range.start)
    }
}
