// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of a domain's life.

use super::Life;
use proptest::prelude::*;
use xen_abi::errno::Errno;

const POWEROFF: u8 = 0;
const SUSPEND: u8 = 2;
const CRASH: u8 = 3;

#[test]
fn a_new_domain_waits_for_its_creator() {
    let mut life = Life::created();
    assert!(!life.may_run() && life.is_paused());
    assert_eq!(life.unpause(), Ok(()));
    assert!(life.may_run());
    assert_eq!(life.unpause(), Err(Errno::Einval));
}

#[test]
fn pauses_are_counted_and_bounded() {
    let mut life = Life::created();
    while life.pause().is_ok() {}
    assert_eq!(life.pause(), Err(Errno::Eoverflow));
    assert_eq!(life.unpause(), Ok(()));
}

#[test]
fn the_first_reason_stays() {
    let mut life = Life::created();
    assert!(life.shut_down(CRASH));
    assert!(!life.shut_down(POWEROFF));
    assert_eq!(life.shutdown_code(), Some(CRASH));
    assert_eq!(life.resume(SUSPEND), Err(Errno::Einval));
}

#[test]
fn an_announced_reason_counts() {
    let mut life = Life::created();
    life.announce(CRASH);
    life.announce(SUSPEND);
    assert!(life.shut_down(POWEROFF));
    assert_eq!(life.shutdown_code(), Some(CRASH));
}

#[test]
fn a_suspended_domain_resumes() {
    let mut life = Life::created();
    life.unpause().unwrap();
    assert!(life.shut_down(SUSPEND) && !life.may_run());
    assert_eq!(life.resume(SUSPEND), Ok(()));
    assert!(life.may_run());
}

#[test]
fn the_dying_do_not_come_back() {
    let mut life = Life::created();
    assert!(life.start_dying() && !life.start_dying());
    assert!(!life.shut_down(CRASH) && life.is_dying() && !life.is_dead());
    life.finish_dying();
    assert!(life.is_dead() && !life.start_dying());
}

proptest! {
    #[test]
    fn only_an_unpaused_living_domain_runs(steps in prop::collection::vec(0u8..5, 0..40)) {
        let mut life = Life::created();
        let mut pauses = 1u32;
        for step in steps {
            match step {
                0 => pauses += u32::from(life.pause().is_ok()),
                1 => pauses -= u32::from(life.unpause().is_ok()),
                2 => { life.shut_down(SUSPEND); }
                3 => { let _ = life.resume(SUSPEND); }
                _ => { life.start_dying(); }
            }
            let free = pauses == 0 && life.shutdown_code().is_none() && !life.is_dying();
            prop_assert_eq!(life.may_run(), free);
        }
    }
}
