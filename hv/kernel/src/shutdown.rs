// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of a domain by its own doing. The machine goes with the first domain.
use xen_abi::sched::ShutdownReason;

use crate::arch::power;
use crate::domain::Domain;
use crate::log;
use crate::schedule;

/// Stops the vCPUs of `domain` and notes why.
pub fn shut_down(domain: &Domain, reason: ShutdownReason) {
    let [code, ..] = reason.raw().to_le_bytes();
    if !domain.life.lock().shut_down(code) {
        return;
    }
    log!("{} has shut down: {reason:?}", domain.id);
    if domain.privileged {
        end_machine(reason);
    }
    domain.vcpus().for_each(schedule::stop);
}

fn end_machine(reason: ShutdownReason) -> ! {
    match reason {
        ShutdownReason::Reboot | ShutdownReason::SoftReset => power::reboot(),
        ShutdownReason::Poweroff => power::power_off(0),
        _ => power::power_off(1),
    }
}
