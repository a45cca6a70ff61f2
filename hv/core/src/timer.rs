// SPDX-License-Identifier: MIT OR Apache-2.0
//! Deadlines of the vcpus, so that one hardware timer serves them all.
//!
//! Each id (a vcpu and which of its timers) has at most one deadline, in ns of system time.

use heapless::Vec;

#[derive(Clone, Copy, Debug)]
struct Entry<Id> {
    deadline_ns: u64,
    id: Id,
}

/// The pending deadlines, latest first.
#[derive(Debug)]
pub struct TimerQueue<Id, const N: usize> {
    entries: Vec<Entry<Id>, N>,
}

/// The queue holds as many deadlines as it was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFull;

impl<Id: Copy + PartialEq, const N: usize> Default for TimerQueue<Id, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Id: Copy + PartialEq, const N: usize> TimerQueue<Id, N> {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Sets the deadline of `id`; an earlier one of the same id is forgotten.
    pub fn set(&mut self, id: Id, deadline_ns: u64) -> Result<(), QueueFull> {
        self.cancel(id);
        let at = self.entries.partition_point(|entry| entry.deadline_ns > deadline_ns);
        self.entries.insert(at, Entry { deadline_ns, id }).map_err(|_| QueueFull)
    }

    /// Forgets the deadline of `id`. Returns whether it had one.
    pub fn cancel(&mut self, id: Id) -> bool {
        match self.entries.iter().position(|entry| entry.id == id) {
            Some(at) => {
                self.entries.remove(at);
                true
            }
            None => false,
        }
    }

    /// The deadline of `id`, ns.
    #[must_use]
    pub fn deadline_ns(&self, id: Id) -> Option<u64> {
        self.entries.iter().find(|entry| entry.id == id).map(|entry| entry.deadline_ns)
    }

    /// The earliest deadline, ns: when the hardware timer must fire.
    #[must_use]
    pub fn next_ns(&self) -> Option<u64> {
        self.entries.last().map(|entry| entry.deadline_ns)
    }

    /// Takes one deadline which has come.
    pub fn pop_due(&mut self, now_ns: u64) -> Option<Id> {
        if self.next_ns()? > now_ns {
            return None;
        }
        self.entries.pop().map(|entry| entry.id)
    }
}

/// How far ahead a guest may set a timer; beyond lies a mistake, ns.
const FAR_NS: u64 = 1 << 50;
/// When such a timer fires instead, ns from now.
const FAR_REPLACEMENT_NS: u64 = 100_000_000;

/// The deadline for a `set_timer_op` argument; `None` cancels, and needs no clock. A negative time,
/// or one impossibly far ahead, is a guest's arithmetic slip: it fires soon, so that the guest can
/// set it right.
#[must_use]
pub fn guest_deadline(argument: u64, now_ns: impl FnOnce() -> u64) -> Option<u64> {
    if argument == 0 {
        return None;
    }
    let now_ns = now_ns();
    let is_slip = argument >> 63 != 0 || argument.saturating_sub(now_ns) > FAR_NS;
    Some(if is_slip { now_ns.saturating_add(FAR_REPLACEMENT_NS) } else { argument })
}

#[cfg(test)]
mod tests;
