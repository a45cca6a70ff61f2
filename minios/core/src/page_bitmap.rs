// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which of the domain's pages are free: one bit a page, set while it is in use.
//!
//! Single pages and short runs are taken from the top down, the heap grows from the bottom up
//! ([`PageBitmap::take`]), so that one never splits the other early.

#[cfg(test)]
mod tests;

const BITS: usize = 64;

/// The bitmap, in words that the caller provides.
pub struct PageBitmap<'a> {
    words: &'a mut [u64],
    pages: usize,
    free: usize,
    /// Pages from here up are in use: where a search from the top may begin.
    top: usize,
}

/// Words needed for a bitmap of `pages` pages.
///
/// ```
/// assert_eq!(minios_core::page_bitmap::words_for(65), 2);
/// ```
#[must_use]
pub const fn words_for(pages: usize) -> usize {
    pages.div_ceil(BITS)
}

impl<'a> PageBitmap<'a> {
    /// A bitmap of `pages` pages, all in use; [`give`](Self::give) those that are free.
    ///
    /// Pages that `words` has no room for do not exist.
    #[must_use]
    pub fn new(words: &'a mut [u64], pages: usize) -> Self {
        let pages = pages.min(words.len() * BITS);
        words.fill(u64::MAX);
        Self { words, pages, free: 0, top: 0 }
    }

    /// Number of free pages.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free
    }

    /// Number of pages, free or not.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// Whether this page exists and is free.
    #[must_use]
    pub fn is_free(&self, page: usize) -> bool {
        page < self.pages && self.words[page / BITS] & bit(page) == 0
    }

    /// Makes `count` pages from `first` on free; those that are free already stay so.
    pub fn give(&mut self, first: usize, count: usize) {
        for page in first..first.saturating_add(count).min(self.pages) {
            if !self.is_free(page) {
                self.words[page / BITS] &= !bit(page);
                self.free += 1;
            }
        }
        self.top = self.top.max(first.saturating_add(count).min(self.pages));
    }

    /// Takes exactly these pages, if all of them are free.
    pub fn take(&mut self, first: usize, count: usize) -> bool {
        let Some(end) = first.checked_add(count) else { return false };
        let all_free = (first..end).all(|page| self.is_free(page));
        if all_free {
            self.mark(first, count);
        }
        all_free
    }

    /// Takes `count` adjacent pages, as high as possible; gives the first one.
    pub fn take_any(&mut self, count: usize) -> Option<usize> {
        if count == 0 || count > self.free {
            return None;
        }
        self.lower_top();
        let mut run = 0;
        for page in (0..self.top).rev() {
            run = if self.is_free(page) { run + 1 } else { 0 };
            if run == count {
                self.mark(page, count);
                return Some(page);
            }
        }
        None
    }

    /// Moves `top` down over pages in use, a word at a time where possible.
    fn lower_top(&mut self) {
        while self.top > 0 {
            if self.top.is_multiple_of(BITS) && self.words[self.top / BITS - 1] == u64::MAX {
                self.top -= BITS;
            } else if self.is_free(self.top - 1) {
                break;
            } else {
                self.top -= 1;
            }
        }
    }

    fn mark(&mut self, first: usize, count: usize) {
        for page in first..first + count {
            self.words[page / BITS] |= bit(page);
        }
        self.free -= count;
    }
}

const fn bit(page: usize) -> u64 {
    1 << (page % BITS)
}
