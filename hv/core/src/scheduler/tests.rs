// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the scheduler with simulated time.

use super::*;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

/// A processor and its vcpus; ids are indices.
struct Machine {
    queue: RunQueue<usize, 16>,
    shares: Vec<Share>,
    ran_ns: Vec<u64>,
    running: Option<usize>,
}

impl Machine {
    fn new(weights: &[u32]) -> Self {
        Self {
            queue: RunQueue::new(),
            shares: weights.iter().map(|&weight| Share::new(weight)).collect(),
            ran_ns: vec![0; weights.len()],
            running: None,
        }
    }

    fn wake(&mut self, id: usize) -> Woken {
        let running = self.running.map(|running| self.shares[running]);
        self.queue.wake(id, &mut self.shares[id], running.as_ref())
    }

    /// The running vcpu uses time.
    fn run(&mut self, ns: u64) {
        if let Some(id) = self.running {
            self.shares[id].charge(ns);
            self.ran_ns[id] += ns;
        }
    }

    /// Ends the running vcpu's turn and starts another's.
    fn switch(&mut self) {
        if let Some(id) = self.running.take() {
            assert!(self.queue.requeue(id, &self.shares[id]));
        }
        self.running = self.queue.pick();
    }

    /// Everybody spins for this long.
    fn spin(&mut self, total_ns: u64) {
        let mut now = 0;
        if self.running.is_none() {
            self.switch();
        }
        while now < total_ns {
            let slice = self.queue.slice_ns(&self.shares[self.running.unwrap()]);
            let slice = slice.unwrap_or(total_ns).min(total_ns - now);
            self.run(slice);
            now += slice;
            self.switch();
        }
    }
}

#[test]
fn weights_divide_one_second_within_three_percent() {
    let mut machine = Machine::new(&[256, 512]);
    machine.wake(0);
    machine.wake(1);
    machine.spin(1_000_000_000);
    let ratio = machine.ran_ns[1] as f64 / machine.ran_ns[0] as f64;
    assert!((1.94..2.06).contains(&ratio), "{ratio}");
}

#[test]
fn a_sleeper_preempts_a_spinner_every_time() {
    let mut machine = Machine::new(&[256, 256]);
    machine.wake(0);
    machine.switch();
    for _ in 0..1000 {
        machine.run(1_000_000);
        assert_eq!(machine.wake(1), Woken::Preempts);
        machine.switch();
        assert_eq!(machine.running, Some(1));
        machine.run(20_000);
        machine.running = None;
        machine.switch();
        assert_eq!(machine.running, Some(0));
    }
}

#[test]
fn sleep_earns_no_credit_beyond_the_bonus() {
    let mut machine = Machine::new(&[256, 256]);
    machine.wake(0);
    machine.spin(10_000_000_000);
    machine.wake(1);
    machine.ran_ns = vec![0; 2];
    machine.spin(1_000_000_000);
    assert!(machine.ran_ns[0] > 480_000_000, "{:?}", machine.ran_ns);
}

#[test]
fn a_busy_pair_beside_a_spinner_gets_most_of_the_time() {
    // Two vcpus hand work to each other and sleep in between, as dom0 and a server do.
    let mut machine = Machine::new(&[256, 256, 256]);
    machine.wake(2);
    machine.wake(0);
    let mut useful = 0;
    let mut now = 0;
    machine.switch();
    while now < 1_000_000_000 {
        let id = machine.running.unwrap();
        let step = if id == 2 { machine.queue.slice_ns(&machine.shares[2]) } else { Some(50_000) };
        let step = step.unwrap_or(SLICE_NS);
        machine.run(step);
        now += step;
        if id == 2 {
            machine.switch();
        } else {
            useful += step;
            machine.running = None;
            machine.wake(1 - id);
            machine.switch();
        }
    }
    assert!(useful > 600_000_000, "{useful}");
}

#[test]
fn a_yield_lets_the_other_run() {
    let mut machine = Machine::new(&[256, 256]);
    machine.wake(0);
    machine.wake(1);
    machine.switch();
    let first = machine.running.take().unwrap();
    assert!(machine.queue.yield_now(first, &mut machine.shares[first]));
    machine.switch();
    assert_eq!(machine.running, Some(1 - first));
}

#[test]
fn an_idle_processor_is_taken_at_once_and_nobody_waits_twice() {
    let mut queue = RunQueue::<u8, 2>::new();
    let mut share = Share::default();
    assert_eq!(queue.wake(1, &mut share, None), Woken::Preempts);
    assert_eq!(queue.wake(1, &mut share, None), Woken::Waits);
    assert_eq!(queue.wake(2, &mut share, None), Woken::Preempts);
    assert_eq!(queue.wake(3, &mut share, None), Woken::Full);
    assert!(queue.remove(1) && !queue.remove(1));
    assert_eq!((queue.pick(), queue.pick()), (Some(2), None));
}

#[test]
fn weights_stay_in_range() {
    assert_eq!(Share::new(0).weight(), MIN_WEIGHT);
    assert_eq!(Share::new(u32::MAX).weight(), MAX_WEIGHT);
}

proptest! {
    #[test]
    fn spinners_share_by_weight(weights in prop::collection::vec(64u32..1024, 2..6)) {
        let mut machine = Machine::new(&weights);
        for id in 0..weights.len() {
            machine.wake(id);
        }
        machine.spin(4_000_000_000);
        let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        for (id, &weight) in weights.iter().enumerate() {
            let fair = 4_000_000_000 * u64::from(weight) / total;
            let off = machine.ran_ns[id].abs_diff(fair) as f64 / fair as f64;
            prop_assert!(off < 0.1, "vcpu {id} of {weights:?}: {} for {fair}", machine.ran_ns[id]);
        }
    }

    #[test]
    fn nobody_starves(weights in prop::collection::vec(1u32..=65_535, 2..6),
                      wakes in prop::collection::vec(0usize..6, 0..200)) {
        let mut machine = Machine::new(&weights);
        machine.wake(0);
        machine.switch();
        for id in wakes {
            if id < weights.len() && machine.running != Some(id) {
                machine.wake(id);
            }
            machine.run(SLICE_NS);
            machine.switch();
            prop_assert!(machine.running.is_some());
        }
    }
}
