// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which addresses of a range are free: where foreign frames, grants and devices get mapped.
use alloc::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// Free addresses, in units of pages: start of each gap and its length.
pub struct Area {
    gaps: BTreeMap<u64, u64>,
}

impl Area {
    /// An area of `pages` pages from page number `first` on, all free.
    #[must_use]
    pub fn new(first: u64, pages: u64) -> Self {
        Self { gaps: BTreeMap::from([(first, pages)]) }
    }

    /// Takes the lowest gap that fits.
    pub fn take(&mut self, pages: u64) -> Option<u64> {
        let (&start, &length) = self.gaps.iter().find(|&(_, &length)| length >= pages)?;
        self.gaps.remove(&start);
        if length > pages {
            self.gaps.insert(start + pages, length - pages);
        }
        Some(start)
    }

    /// Gives back what [`take`](Self::take) gave.
    pub fn give(&mut self, mut start: u64, mut pages: u64) {
        if let Some((&before, &length)) = self.gaps.range(..start).next_back()
            && before + length == start
        {
            self.gaps.remove(&before);
            start = before;
            pages += length;
        }
        if let Some(length) = self.gaps.remove(&(start + pages)) {
            pages += length;
        }
        self.gaps.insert(start, pages);
    }
}
