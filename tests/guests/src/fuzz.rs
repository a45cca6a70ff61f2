// SPDX-License-Identifier: MIT OR Apache-2.0
//! What guests that do things by chance have in common: their seed, how far they are, and a watchdog.
use minios::memory::SharedPages;
use test_report::Report;
use xen_abi::frame::PAGE_SIZE;
use xen_abi::hypercall::Hypercall;
use xen_abi::sched::{SchedOp, SchedWatchdog};

use crate::hypercall::{at, call2};
use crate::page_entry::{self, NO_EXECUTE};
use crate::random::Random;
use crate::{poke, word};

/// Attempts between two figures.
const BATCH: u64 = 50;
/// A guest that is stuck ends after so many seconds.
const WATCHDOG: SchedWatchdog = SchedWatchdog { id: 0, timeout: 1 };

/// The number behind `key=` on the command line.
fn number(key: &str, otherwise: u64) -> u64 {
    let text = minios::command_line_value(key);
    text.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The sequence that `seed=` begins.
#[must_use]
pub fn random() -> Random {
    Random::new(number("seed", 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
}

/// Calls `attempt` as often as `count=` says, and tells now and then how many exits there were: at
/// least so many as it has returned.
pub fn run(report: &mut Report, mut attempt: impl FnMut() -> u64) {
    let watchdog = |id| {
        let request = SchedWatchdog { id, ..WATCHDOG };
        call2(Hypercall::SchedOp, u64::from(SchedOp::Watchdog.raw()), at(&request))
    };
    watchdog(0);
    let mut exits = 0;
    for number in 1..=number("count", 5000) {
        exits += attempt();
        if number % BATCH == 0 {
            report.figure("exits", exits);
            watchdog(1);
        }
    }
}

/// Lets pages of our own be executed.
///
/// # Panics
/// Where they are not mapped.
pub fn make_executable(pages: &SharedPages) {
    for offset in (0..pages.len()).step_by(PAGE_SIZE) {
        let address = (pages.address() + offset) as u64;
        let leaf = page_entry::find(address, 1).expect("our pages are mapped");
        poke(leaf, word(leaf) & !NO_EXECUTE);
    }
}
