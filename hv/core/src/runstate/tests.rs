// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the runstate clock.

use super::RunstateClock;
use proptest::prelude::*;
use xen_abi::vcpu::Runstate;

#[test]
fn times_add_up() {
    let mut clock = RunstateClock::new(10);
    assert_eq!(clock.enter(Runstate::Runnable, 15), 5);
    assert_eq!(clock.enter(Runstate::Running, 17), 2);
    assert_eq!(clock.enter(Runstate::Blocked, 117), 100);
    let info = clock.info(120);
    assert_eq!(info.state, Runstate::Blocked.raw());
    assert_eq!(info.state_entry_time, 117);
    assert_eq!(info.time, [100, 2, 3, 5]);
    assert_eq!(clock.area().time, [100, 2, 0, 5]);
}

/// The record of an area never runs ahead of its own time of entry.
#[test]
fn xsa_492_an_area_holds_what_was_before_its_entry() {
    let mut clock = RunstateClock::new(0);
    clock.enter(Runstate::Running, 40);
    assert_eq!(clock.area().time.iter().sum::<u64>(), clock.area().state_entry_time);
    clock.enter(Runstate::Blocked, 90);
    assert_eq!(clock.area().time.iter().sum::<u64>(), clock.area().state_entry_time);
}

#[test]
fn a_clock_that_goes_back_counts_nothing() {
    let mut clock = RunstateClock::new(100);
    assert_eq!(clock.enter(Runstate::Running, 50), 0);
    assert_eq!(clock.since_ns(), 100);
    assert_eq!(clock.time_ns(Runstate::Running, 60), 0);
}

proptest! {
    #[test]
    fn the_sum_of_all_times_is_the_age(steps in prop::collection::vec((0u32..4, 0u64..1000), 0..50)) {
        let mut now = 7;
        let mut clock = RunstateClock::new(now);
        for (state, after) in steps {
            now += after;
            clock.enter(Runstate::try_from(state).unwrap(), now);
        }
        now += 3;
        prop_assert_eq!(clock.info(now).time.iter().sum::<u64>(), now - 7);
    }
}
