// SPDX-License-Identifier: MIT OR Apache-2.0
//! Not a test: gives the processor up again and again, and measures what that costs. Two of them
//! beside each other measure the switch from one vCPU to the other and back.
#![no_std]
#![no_main]

use core::arch::x86_64::_rdtsc;
use test_guests::hypercall::stub;
use test_report::Report;
use xen_abi::hypercall::Hypercall;
use xen_abi::sched::SchedOp;

test_report::guest!(run);

const YIELDS: u64 = 2000;
/// Rounds that the first of the two goes on for, so that the second never is alone.
const ROUNDS: usize = 200;

async fn run(report: &mut Report) {
    let mut rounds = alloc::vec::Vec::with_capacity(ROUNDS);
    let yield_now = [u64::from(SchedOp::Yield.raw()), 0, 0, 0, 0];
    for _ in 0..ROUNDS {
        // SAFETY: reads a counter.
        let start = unsafe { _rdtsc() };
        for _ in 0..YIELDS {
            stub(Hypercall::SchedOp, yield_now);
        }
        // SAFETY: reads a counter.
        let end = unsafe { _rdtsc() };
        rounds.push((end - start) / YIELDS);
    }
    // Alone a yield switches to nobody: the rounds beside the other one are the dear ones.
    rounds.sort_unstable();
    let dear = rounds.get(ROUNDS * 3 / 4).copied().unwrap_or_default();
    report.figure("vCPU switch by yield, there and back", dear);
}

extern crate alloc;
