// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which grant references are free.
use alloc::vec::Vec;

use xen_abi::grant_table::{ENTRIES_PER_FRAME, GrantRef, RESERVED_ENTRIES};

#[cfg(test)]
mod tests;

const PER_FRAME: u32 = 512;
const _: () = assert!(PER_FRAME as usize == ENTRIES_PER_FRAME);

/// References of a table that grows frame by frame.
#[derive(Default)]
pub struct GrantRefs {
    free: Vec<GrantRef>,
    frames: u32,
}

impl GrantRefs {
    /// A table without frames: it has no references.
    #[must_use]
    pub const fn new() -> Self {
        Self { free: Vec::new(), frames: 0 }
    }

    /// Frames of the table.
    #[must_use]
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// The table got one more frame.
    pub fn grow(&mut self) {
        let first = self.frames * PER_FRAME;
        self.frames += 1;
        // The lowest is taken first.
        let new = (first.max(RESERVED_ENTRIES)..first + PER_FRAME).rev();
        self.free.splice(0..0, new.map(GrantRef::new));
    }

    /// A reference that nobody uses.
    pub fn take(&mut self) -> Option<GrantRef> {
        self.free.pop()
    }

    /// Gives a reference back.
    pub fn give(&mut self, reference: GrantRef) {
        self.free.push(reference);
    }
}
