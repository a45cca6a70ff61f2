// SPDX-License-Identifier: MIT OR Apache-2.0
//! Time: embassy-time's types on the hypervisor's clock and one-shot timer.
//!
//! [`Instant`] counts from the hypervisor's start. It stands still while the domain is saved.
//!
//! ```no_run
//! # use minios::time::{Duration, Instant, Timer, with_timeout};
//! # async fn example() {
//! let start = Instant::now();
//! Timer::after(Duration::from_millis(20)).await;
//! log::info!("woke after {} us", start.elapsed().as_micros());
//! let late = with_timeout(Duration::from_secs(1), core::future::pending::<()>()).await;
//! assert!(late.is_err());
//! # }
//! ```
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::Waker;

pub use embassy_time::{
    Duration, Instant, Ticker, TimeoutError, Timer, WithTimeout, with_deadline, with_timeout,
};
use embassy_time_driver::{Driver, TICK_HZ};
use minios_core::timer_queue::TimerQueue;
use spin::Once;
use xen_abi::event_channel::{EvtchnPort, Virq};

use crate::arch::{instruction, shared_info, vcpu_info};
use crate::event_channel::EventChannel;
use crate::hypercall::{event_channel, sched};
use crate::lock::Lock;
use crate::suspend::Outcome;

const NS_PER_TICK: u64 = 1_000_000_000 / TICK_HZ;

/// Deadlines in ticks.
static TIMERS: Lock<TimerQueue> = Lock::new(TimerQueue::new());
/// The time for which the hypervisor's timer is set, in ticks; `u64::MAX` for none.
static ARMED: AtomicU64 = AtomicU64::new(u64::MAX);
/// Keeps the timer's interrupt bound. Nobody waits for it: it only ends SCHEDOP_block.
static VIRQ: Once<EventChannel> = Once::new();

/// What [`system_time_ns`] has shown last.
static LAST: AtomicU64 = AtomicU64::new(0);
/// What our time is ahead of the hypervisor's, modulo 2^64.
static AHEAD: AtomicU64 = AtomicU64::new(0);

/// Nanoseconds since the hypervisor started, without the time in which this domain was saved; never
/// goes back.
#[must_use]
pub fn system_time_ns() -> u64 {
    let now = hypervisor_ns().wrapping_add(AHEAD.load(Ordering::Relaxed));
    LAST.fetch_max(now, Ordering::Relaxed).max(now)
}

/// The hypervisor's own time, which may go back when the domain is restored.
fn hypervisor_ns() -> u64 {
    vcpu_info().time.read().system_time_at(instruction::rdtsc())
}

/// What the hypervisor calls the time that we call `ns`.
pub(crate) fn to_hypervisor_ns(ns: u64) -> u64 {
    ns.wrapping_sub(AHEAD.load(Ordering::Relaxed))
}

/// Our time goes on where it was; the timer is bound and set anew.
pub(crate) fn resume(outcome: Outcome) {
    if outcome == Outcome::Restored {
        let last = LAST.load(Ordering::Relaxed);
        AHEAD.store(last.wrapping_sub(hypervisor_ns()), Ordering::Relaxed);
        if let Some(timer) = VIRQ.get() {
            timer.reopen(bind_timer());
        }
        ARMED.store(u64::MAX, Ordering::Relaxed);
    }
}

/// Time since 1970-01-01 00:00 UTC, as the hypervisor knows it.
///
/// ```no_run
/// log::info!("it is {} s after 1970", minios::time::wall_clock().as_secs());
/// ```
#[must_use]
pub fn wall_clock() -> core::time::Duration {
    let shared = shared_info();
    let at_start = loop {
        let version = shared.wc_version.load(Ordering::Acquire);
        let low = u64::from(shared.wc_sec.load(Ordering::Acquire));
        let high = u64::from(shared.wc_sec_hi.load(Ordering::Acquire));
        let ns = u64::from(shared.wc_nsec.load(Ordering::Acquire));
        if version & 1 == 0 && shared.wc_version.load(Ordering::Acquire) == version {
            break core::time::Duration::from_secs(high << 32 | low)
                .saturating_add(core::time::Duration::from_nanos(ns));
        }
    };
    at_start.saturating_add(core::time::Duration::from_nanos(hypervisor_ns()))
}

/// Binds the timer's interrupt.
pub(crate) fn init() {
    VIRQ.call_once(|| EventChannel::open(bind_timer()));
}

fn bind_timer() -> EvtchnPort {
    event_channel::bind_virq(Virq::TIMER).expect("every domain has a timer")
}

/// Wakes the tasks whose time has come.
pub(crate) fn wake_due() {
    if TIMERS.lock().next().is_none() {
        return;
    }
    let now = DRIVER.now();
    loop {
        let due = TIMERS.lock().pop(now);
        let Some(waker) = due else { break };
        waker.wake();
    }
}

/// Sees to it that the hypervisor's timer ends a sleep at the earliest deadline, or before.
///
/// A timer that comes too early costs a look at the clock; setting it costs a hypercall. So one
/// that was set for a deadline that has moved away stays: those of a busy connection always move.
pub(crate) fn arm() {
    let next = TIMERS.lock().next().unwrap_or(u64::MAX);
    let fired = VIRQ.get().is_some_and(EventChannel::take_pending);
    let armed = if fired { u64::MAX } else { ARMED.load(Ordering::Relaxed) };
    ARMED.store(armed.min(next), Ordering::Relaxed);
    if next < armed {
        sched::set_timer(to_hypervisor_ns(next.saturating_mul(NS_PER_TICK)));
    }
}

struct XenTime;

impl Driver for XenTime {
    fn now(&self) -> u64 {
        system_time_ns() / NS_PER_TICK
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        TIMERS.lock().insert(at, waker);
    }
}

embassy_time_driver::time_driver_impl!(static DRIVER: XenTime = XenTime);
