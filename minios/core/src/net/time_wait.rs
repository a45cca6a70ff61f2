// SPDX-License-Identifier: MIT OR Apache-2.0
//! Closed connections, remembered for a while so that a repeated FIN is acknowledged and not
//! answered by a reset (RFC 9293, 3.6.1).

use super::segment::Tuple;
use alloc::collections::{BTreeMap, VecDeque};

/// How long a tuple is remembered, in microseconds.
const LIFETIME_US: u64 = 10_000_000;

/// Tuples in TIME-WAIT; the oldest give way when there are more than the bound.
pub(super) struct TimeWait {
    until: BTreeMap<Tuple, u64>,
    order: VecDeque<(u64, Tuple)>,
    capacity: usize,
}

impl TimeWait {
    pub(super) fn new(capacity: usize) -> Self {
        Self { until: BTreeMap::new(), order: VecDeque::new(), capacity }
    }

    /// Remembers `tuple` from now on.
    pub(super) fn insert(&mut self, tuple: Tuple, now_us: u64) {
        let until = now_us + LIFETIME_US;
        self.until.insert(tuple, until);
        self.order.push_back((until, tuple));
        while self.order.len() > self.capacity
            || self.order.front().is_some_and(|&(until, _)| until <= now_us)
        {
            let Some((until, tuple)) = self.order.pop_front() else { break };
            if self.until.get(&tuple) == Some(&until) {
                self.until.remove(&tuple);
            }
        }
    }

    /// Whether `tuple` is remembered.
    pub(super) fn contains(&self, tuple: &Tuple, now_us: u64) -> bool {
        self.until.get(tuple).is_some_and(|&until| now_us < until)
    }

    /// Forgets `tuple`: a new connection takes it.
    pub(super) fn remove(&mut self, tuple: &Tuple) {
        self.until.remove(tuple);
    }
}
