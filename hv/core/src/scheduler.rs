// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who runs next: weighted shares of a processor by virtual time.
//!
//! Every vcpu owns a [`Share`]: its weight and a virtual clock, which runs slower the heavier the
//! vcpu is. The runnable vcpu with the least virtual time is next, so over any longer span
//! processor time divides by weight. A blocked vcpu is not in the queue and costs nothing; when it
//! wakes, its clock is moved up to a little before the others, so that it runs at once but cannot
//! claim what it slept through.
//!
//! Nothing here knows a clock or a processor: times are arguments, in ns, and [`RunQueue`] is the
//! queue of one processor.

use heapless::Vec;

/// The weight of a domain which asked for none.
pub const DEFAULT_WEIGHT: u32 = 256;
/// The least weight the interface accepts.
pub const MIN_WEIGHT: u32 = 1;
/// The greatest weight the interface accepts.
pub const MAX_WEIGHT: u32 = 65_535;
/// How long a vcpu runs while others of the same virtual time wait, ns.
pub const SLICE_NS: u64 = 2_000_000;
/// How far before the others a vcpu starts which slept, virtual ns.
pub const WAKE_BONUS_NS: u64 = 3_000_000;
/// How far behind a woken vcpu the running one must be to be preempted, virtual ns.
pub const PREEMPT_MARGIN_NS: u64 = 250_000;

/// One vcpu's claim on a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    weight: u32,
    virtual_ns: u64,
}

impl Default for Share {
    fn default() -> Self {
        Self::new(DEFAULT_WEIGHT)
    }
}

impl Share {
    /// A share which used nothing yet. The weight is brought into the accepted range.
    #[must_use]
    pub const fn new(weight: u32) -> Self {
        Self { weight: clamp_weight(weight), virtual_ns: 0 }
    }

    /// The weight, between [`MIN_WEIGHT`] and [`MAX_WEIGHT`].
    #[must_use]
    pub const fn weight(&self) -> u32 {
        self.weight
    }

    /// Changes the weight; what was used before counts as it did.
    pub const fn set_weight(&mut self, weight: u32) {
        self.weight = clamp_weight(weight);
    }

    /// Time used, in ns of a vcpu with [`DEFAULT_WEIGHT`].
    #[must_use]
    pub const fn virtual_ns(&self) -> u64 {
        self.virtual_ns
    }

    /// Accounts processor time.
    pub fn charge(&mut self, ran_ns: u64) {
        self.virtual_ns = self.virtual_ns.saturating_add(virtual_time(ran_ns, self.weight));
    }
}

const fn clamp_weight(weight: u32) -> u32 {
    if weight < MIN_WEIGHT {
        MIN_WEIGHT
    } else if weight > MAX_WEIGHT {
        MAX_WEIGHT
    } else {
        weight
    }
}

fn virtual_time(ran_ns: u64, weight: u32) -> u64 {
    let scaled = u128::from(ran_ns).saturating_mul(u128::from(DEFAULT_WEIGHT));
    let divided = scaled.checked_div(u128::from(weight)).unwrap_or(scaled);
    u64::try_from(divided).unwrap_or(u64::MAX)
}

/// What a wake-up means for the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The running vcpu should give way now.
    Preempts,
    /// The woken vcpu waits for its turn.
    Waits,
    /// There is no room in the queue: more vcpus than it was made for.
    Full,
}

#[derive(Clone, Copy, Debug)]
struct Entry<Id> {
    id: Id,
    virtual_ns: u64,
    /// Breaks ties in the order of arrival.
    arrival: u64,
}

/// The runnable vcpus of one processor, without the running one.
#[derive(Debug)]
pub struct RunQueue<Id, const N: usize> {
    entries: Vec<Entry<Id>, N>,
    /// The virtual time below which nobody enters: that of the vcpu picked last.
    floor_ns: u64,
    arrivals: u64,
}

impl<Id: Copy + PartialEq, const N: usize> Default for RunQueue<Id, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Id: Copy + PartialEq, const N: usize> RunQueue<Id, N> {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new(), floor_ns: 0, arrivals: 0 }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether this vcpu waits.
    #[must_use]
    pub fn contains(&self, id: Id) -> bool {
        self.entries.iter().any(|entry| entry.id == id)
    }

    /// Queues a vcpu which slept (or is new), and says whether it preempts `running`, whose share
    /// must have been charged up to now. Does nothing for one that waits already.
    pub fn wake(&mut self, id: Id, share: &mut Share, running: Option<&Share>) -> Woken {
        if self.contains(id) {
            return Woken::Waits;
        }
        let earliest = self.base(running).saturating_sub(WAKE_BONUS_NS);
        share.virtual_ns = share.virtual_ns.max(earliest);
        if !self.insert(id, share.virtual_ns) {
            return Woken::Full;
        }
        match running {
            None => Woken::Preempts,
            Some(running)
                if share.virtual_ns.saturating_add(PREEMPT_MARGIN_NS) < running.virtual_ns =>
            {
                Woken::Preempts
            }
            Some(_) => Woken::Waits,
        }
    }

    /// Queues a vcpu which ran and wants to go on. Its share must have been charged.
    pub fn requeue(&mut self, id: Id, share: &Share) -> bool {
        self.contains(id) || self.insert(id, share.virtual_ns)
    }

    /// Queues a vcpu which gives way to one other that waits.
    pub fn yield_now(&mut self, id: Id, share: &mut Share) -> bool {
        if let Some(first) = self.first() {
            let behind = first.virtual_ns.saturating_add(1);
            share.virtual_ns = share.virtual_ns.max(behind);
        }
        self.requeue(id, share)
    }

    /// Takes a vcpu out: it was paused, or is gone.
    pub fn remove(&mut self, id: Id) -> bool {
        match self.entries.iter().position(|entry| entry.id == id) {
            Some(at) => {
                self.entries.remove(at);
                true
            }
            None => false,
        }
    }

    /// Takes the next vcpu to run.
    pub fn pick(&mut self) -> Option<Id> {
        let first = self.first()?;
        self.floor_ns = self.floor_ns.max(first.virtual_ns);
        self.remove(first.id);
        Some(first.id)
    }

    /// How long `running` may go on before another's turn comes, ns; `None`: nobody waits.
    /// Never less than a small grain, so that two equals do not take turns at every call.
    #[must_use]
    pub fn slice_ns(&self, running: &Share) -> Option<u64> {
        let first = self.first()?;
        let ahead = first.virtual_ns.saturating_sub(running.virtual_ns);
        let scaled = u128::from(ahead).saturating_mul(u128::from(running.weight));
        let real = scaled.checked_div(u128::from(DEFAULT_WEIGHT)).unwrap_or(scaled);
        let real = u64::try_from(real).unwrap_or(u64::MAX);
        Some(real.clamp(SLICE_NS, SLICE_NS.saturating_mul(4)))
    }

    fn first(&self) -> Option<Entry<Id>> {
        self.entries.iter().copied().min_by_key(|entry| (entry.virtual_ns, entry.arrival))
    }

    /// The virtual time newcomers are compared with.
    fn base(&self, running: Option<&Share>) -> u64 {
        let waiting = self.first().map(|entry| entry.virtual_ns);
        let running = running.map(Share::virtual_ns);
        match (waiting, running) {
            (Some(waiting), Some(running)) => waiting.min(running).max(self.floor_ns),
            (Some(one), None) | (None, Some(one)) => one.max(self.floor_ns),
            (None, None) => self.floor_ns,
        }
    }

    fn insert(&mut self, id: Id, virtual_ns: u64) -> bool {
        self.arrivals = self.arrivals.wrapping_add(1);
        self.entries.push(Entry { id, virtual_ns, arrival: self.arrivals }).is_ok()
    }
}

#[cfg(test)]
mod tests;
