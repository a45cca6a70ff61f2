// SPDX-License-Identifier: MIT OR Apache-2.0
//! The last bytes that a domain printed, for those who look at its console later.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// A bounded memory of bytes; the oldest fall out.
#[derive(Debug)]
pub struct Scrollback {
    bytes: VecDeque<u8>,
    limit: usize,
}

impl Scrollback {
    /// Keeps the last `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { bytes: VecDeque::new(), limit }
    }

    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(self.limit)..];
        let excess = (self.bytes.len() + kept.len()).saturating_sub(self.limit);
        self.bytes.drain(..excess);
        self.bytes.extend(kept);
    }

    /// The bytes kept, from the first whole line on if older ones fell out.
    #[must_use]
    pub fn contents(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.bytes.iter().copied().collect();
        if bytes.len() == self.limit
            && let Some(end) = bytes.iter().position(|&byte| byte == b'\n')
        {
            bytes.drain(..=end);
        }
        bytes
    }
}
