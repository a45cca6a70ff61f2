// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the server counts.

use core::cell::Cell;

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Stats {
    /// Answers by the first digit of their status: `[1]` is 1xx, `[0]` unused.
    pub answers: [Cell<u64>; 6],
    /// Bytes of heads and bodies that were written.
    pub bytes: Cell<u64>,
    /// Connections accepted.
    pub connections: Cell<u64>,
    /// Connections open now.
    pub open: Cell<u64>,
    /// Connections closed early to make room for others.
    pub shed: Cell<u64>,
}

impl Stats {
    /// Counts an answer.
    pub fn answered(&self, status: u16, bytes: u64) {
        if let Some(count) = self.answers.get(usize::from(status / 100)) {
            count.set(count.get() + 1);
        }
        self.bytes.set(self.bytes.get() + bytes);
    }

    /// Counts a connection, which is open from now on, and for which `shed` others were closed.
    pub fn count_connection(&self, shed: u64) {
        self.connections.set(self.connections.get() + 1);
        self.open.set(self.open.get() + 1);
        self.shed.set(self.shed.get() + shed);
    }

    /// All answers.
    pub fn requests(&self) -> u64 {
        self.answers.iter().map(Cell::get).sum()
    }
}
