// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long a vcpu was running, runnable, blocked, offline (`public/vcpu.h`).

use xen_abi::vcpu::{Runstate, RunstateInfo};

/// The times of one vcpu. Its present state counts up to the moment of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunstateClock {
    state: Runstate,
    since_ns: u64,
    times_ns: [u64; 4],
}

impl RunstateClock {
    /// A vcpu which is offline since `now_ns` and never was anything else.
    #[must_use]
    pub const fn new(now_ns: u64) -> Self {
        Self { state: Runstate::Offline, since_ns: now_ns, times_ns: [0; 4] }
    }

    /// The present state.
    #[must_use]
    pub const fn state(&self) -> Runstate {
        self.state
    }

    /// When the present state began, ns of system time.
    #[must_use]
    pub const fn since_ns(&self) -> u64 {
        self.since_ns
    }

    /// Changes the state; a clock that went back counts as no time. Returns how long the old
    /// state lasted, ns.
    pub fn enter(&mut self, state: Runstate, now_ns: u64) -> u64 {
        let lasted = now_ns.saturating_sub(self.since_ns);
        if let Some(time) = self.times_ns.get_mut(index(self.state)) {
            *time = time.saturating_add(lasted);
        }
        self.state = state;
        self.since_ns = self.since_ns.max(now_ns);
        lasted
    }

    /// Time spent in a state up to now, ns.
    #[must_use]
    pub fn time_ns(&self, state: Runstate, now_ns: u64) -> u64 {
        let past = self.times_ns.get(index(state)).copied().unwrap_or(0);
        let present = if state == self.state { now_ns.saturating_sub(self.since_ns) } else { 0 };
        past.saturating_add(present)
    }

    /// The record a guest gets when it asks: the present state counted up to now.
    #[must_use]
    pub fn info(&self, now_ns: u64) -> RunstateInfo {
        let mut info = self.area();
        for state in [Runstate::Running, Runstate::Runnable, Runstate::Blocked, Runstate::Offline] {
            if let Some(time) = info.time.get_mut(index(state)) {
                *time = self.time_ns(state, now_ns);
            }
        }
        info
    }

    /// The record as a registered area holds it: times up to the last change.
    #[must_use]
    pub const fn area(&self) -> RunstateInfo {
        RunstateInfo {
            state: self.state.raw(),
            _pad: 0,
            state_entry_time: self.since_ns,
            time: self.times_ns,
        }
    }
}

const fn index(state: Runstate) -> usize {
    match state {
        Runstate::Running => 0,
        Runstate::Runnable => 1,
        Runstate::Blocked => 2,
        Runstate::Offline => 3,
    }
}

#[cfg(test)]
mod tests;
