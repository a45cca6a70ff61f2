// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of domains: shutdown by the guest, crash, and destruction.
//!
//! Destruction gives back what the domain has, in steps that can be repeated: ports, then what it
//! mapped of others' grants, then its memory, then the tables themselves. Frames that others have
//! mapped stay until they let go; the domain's number stays taken until then.
use xen_abi::event_channel::Virq;
use xen_abi::sched::ShutdownReason;

use crate::arch::power;
use crate::domain::{self, Domain};
use crate::hypercall::event_channel_op;
use crate::memory::relinquish;
use crate::{events, grants, log, schedule};

/// Ends the domain at its own wish, or because of what it did. The first domain takes the machine
/// with it.
pub fn shut_down(domain: &Domain, code: u8) {
    if domain.privileged {
        end_machine(code);
    }
    let changed = domain.life.lock().shut_down(code);
    domain.vcpus().for_each(schedule::stop);
    if changed {
        events::raise_global_virq(Virq::DOM_EXC);
    }
}

/// Ends a domain that did what cannot go on.
pub fn crash(domain: &Domain, why: &str) {
    log!("{} crashed: {why}", domain.id);
    shut_down(domain, code(ShutdownReason::Crash));
}

/// The first domain is done.
fn end_machine(reason: u8) -> ! {
    log!("the first domain has shut down, reason {reason}");
    if reason == code(ShutdownReason::Reboot) || reason == code(ShutdownReason::SoftReset) {
        power::reboot();
    }
    // Exit statuses 9 and 3: QEMU's own is 1 where it does not start.
    power::power_off(if reason == code(ShutdownReason::Poweroff) { 4 } else { 1 })
}

/// A reason as it is kept.
pub fn code(reason: ShutdownReason) -> u8 {
    let [code, ..] = reason.raw().to_le_bytes();
    code
}

/// Lets the vCPUs run, or not, after a change of the domain's life.
pub fn apply(domain: &Domain) {
    let may_run = domain.life.lock().may_run();
    for vcpu in domain.vcpus() {
        if may_run { schedule::resume(vcpu) } else { schedule::stop(vcpu) }
    }
}

/// Whether destruction has more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Call again.
    More,
    /// The domain is gone, or nothing is left but what others hold.
    Done,
}

/// Destroys the domain, one bounded step at a time.
pub fn destroy_step(domain: &Domain) -> Progress {
    if domain.life.lock().start_dying() {
        domain.events.lock().start_dying();
        domain.vcpus().for_each(schedule::stop);
    }
    if !event_channel_op::close_some(domain) || !grants::release_some(domain) {
        return Progress::More;
    }
    if relinquish::relinquish_some(domain) == Progress::More {
        return Progress::More;
    }
    domain.life.lock().finish_dying();
    events::raise_global_virq(Virq::DOM_EXC);
    bury(domain);
    Progress::Done
}

/// Removes a dead domain that nothing refers to any more: neither frames of it that others have
/// mapped, nor grants of it in use.
#[inline]
pub fn bury(domain: &Domain) {
    let dead = domain.life.lock().is_dead();
    if dead {
        bury_dead(domain);
    }
}

#[cold]
fn bury_dead(domain: &Domain) {
    if domain.pages.lock().list.is_empty() && domain.grants.lock().pins() == 0 {
        domain.vcpus().for_each(schedule::forget);
        grants::free_tables(domain);
        events::free_table(domain);
        domain::remove(domain.id);
        events::raise_global_virq(Virq::DOM_EXC);
    }
}
