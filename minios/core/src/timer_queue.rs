// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is to be woken when: at most one entry a waker, with its earliest time.
use alloc::collections::{BTreeMap, BTreeSet};
use core::task::Waker;

#[cfg(test)]
mod tests;

/// Timers in the order of their deadlines.
#[derive(Default)]
pub struct TimerQueue {
    /// By the waker's data pointer. The stored waker keeps its task alive, so that no other
    /// task can have the same address.
    wakers: BTreeMap<usize, (u64, Waker)>,
    deadlines: BTreeSet<(u64, usize)>,
}

impl TimerQueue {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Self {
        Self { wakers: BTreeMap::new(), deadlines: BTreeSet::new() }
    }

    /// Wakes `waker` at `at`, or earlier if it asked for that before.
    ///
    /// A task that wants more than one time asks again each time it is polled.
    pub fn insert(&mut self, at: u64, waker: &Waker) {
        let key = waker.data().addr();
        match self.wakers.get_mut(&key) {
            Some((deadline, known)) if known.will_wake(waker) => {
                if at < *deadline {
                    self.deadlines.remove(&(*deadline, key));
                    self.deadlines.insert((at, key));
                    *deadline = at;
                }
            }
            // Two kinds of waker with the same data: which is asleep is not known, so wake one now.
            Some((_, known)) => {
                waker.wake_by_ref();
                known.wake_by_ref();
            }
            None => {
                self.wakers.insert(key, (at, waker.clone()));
                self.deadlines.insert((at, key));
            }
        }
    }

    /// The earliest time asked for.
    #[must_use]
    pub fn next(&self) -> Option<u64> {
        self.deadlines.first().map(|&(at, _)| at)
    }

    /// Takes one waker whose time has come.
    pub fn pop(&mut self, now: u64) -> Option<Waker> {
        let &(at, key) = self.deadlines.first()?;
        if at > now {
            return None;
        }
        self.deadlines.pop_first();
        self.wakers.remove(&key).map(|(_, waker)| waker)
    }
}
