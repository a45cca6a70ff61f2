// SPDX-License-Identifier: MIT OR Apache-2.0
//! The body of an answer, to be shown on a terminal.

use alloc::string::String;
use alloc::vec::Vec;

/// The most that is kept, in bytes.
const MAX_PAGE: usize = 16 << 10;

/// The beginning of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page(Vec<u8>);

impl Page {
    /// Adds the next piece; what is too much is dropped.
    pub fn add(&mut self, piece: &[u8]) {
        let room = MAX_PAGE - self.0.len();
        self.0.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// Its lines, which cannot command a terminal: each control character has become a `?`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0);
        let plain = |c: char| if c.is_control() { '?' } else { c };
        text.lines().map(|line| line.chars().map(plain).collect()).collect()
    }
}
