// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which vCPU a pCPU runs: the run queue and the timers, over `hv_core::scheduler`.
//!
//! A vCPU is blocked until something wakes it, and it may run only while its domain may
//! (`hv_core::domain_life`). Whoever changes one of these calls [`wake`] or [`stop`] here, which
//! ask the pCPU to choose anew ([`Pcpu::reschedule`](crate::pcpu::Pcpu)); the way out of ring 0
//! then calls [`choose`] and switches.
use core::ops::Deref;
use core::ptr::NonNull;

use hv_core::scheduler::{RunQueue, Woken};
use hv_core::timer::TimerQueue;
use spin::Mutex;
use xen_abi::vcpu::Runstate;

use crate::current::pcpu;
use crate::domain::{MAX_DOMAINS, MAX_VCPUS};
use crate::time;
use crate::vcpu::Vcpu;

mod account;

pub use account::{Account, Poll};

/// vCPUs that can exist at once.
const VCPUS: usize = MAX_DOMAINS * MAX_VCPUS;
/// Timers that can be set at once: all of all vCPUs.
const TIMERS: usize = VCPUS * TIMERS_PER_VCPU;
const TIMERS_PER_VCPU: usize = 6;

/// A vCPU in a queue. Queues are left before a domain is freed ([`forget`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VcpuRef(NonNull<Vcpu>);

// SAFETY: vCPUs are shared between pCPUs by design.
unsafe impl Send for VcpuRef {}

impl VcpuRef {
    /// A vCPU for a queue.
    pub fn new(vcpu: &Vcpu) -> Self {
        Self(NonNull::from(vcpu))
    }
}

impl Deref for VcpuRef {
    type Target = Vcpu;
    fn deref(&self) -> &Vcpu {
        // SAFETY: see the type: queues hold only vCPUs that exist.
        unsafe { self.0.as_ref() }
    }
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// VIRQ_TIMER, once.
    Singleshot,
    /// VIRQ_TIMER, again and again.
    Periodic,
    /// The end of `SCHEDOP_poll`.
    Poll,
    /// That of a PVH guest's local APIC.
    LocalApic,
    /// The end of the domain, unless it is set again in time.
    Watchdog(u8),
}

struct Scheduler {
    queue: RunQueue<VcpuRef, VCPUS>,
    timers: TimerQueue<(VcpuRef, Timer), TIMERS>,
    /// The vCPU chosen last, whose turn it is.
    running: Option<VcpuRef>,
    /// When the turn of the running vCPU ends.
    slice_end_ns: Option<u64>,
    /// When the pCPU's timer will fire.
    programmed_ns: Option<u64>,
}

static SCHEDULER: Mutex<Scheduler> = Mutex::new(Scheduler {
    queue: RunQueue::new(),
    timers: TimerQueue::new(),
    running: None,
    slice_end_ns: None,
    programmed_ns: None,
});

impl Scheduler {
    fn is_running(&self, vcpu: &Vcpu) -> bool {
        self.running == Some(VcpuRef::new(vcpu))
    }

    /// The running vCPU, with its share charged up to now.
    fn charge_running(&self, now_ns: u64) -> Option<VcpuRef> {
        let running = self.running?;
        running.account.update(|mut account| {
            account.share.charge(now_ns.saturating_sub(account.started_ns));
            account.started_ns = now_ns.max(account.started_ns);
            account
        });
        Some(running)
    }

    /// Puts the vCPU whose turn ends where it belongs.
    fn end_turn(&mut self, vcpu: VcpuRef, now_ns: u64, runnable: bool) {
        let mut account = vcpu.account.get();
        let state = if runnable {
            let queued = if account.yielded {
                self.queue.yield_now(vcpu, &mut account.share)
            } else {
                self.queue.requeue(vcpu, &account.share)
            };
            assert!(queued, "the queue has room for all vCPUs");
            Runstate::Runnable
        } else if account.blocked {
            Runstate::Blocked
        } else {
            Runstate::Offline
        };
        account.yielded = false;
        account.clock.enter(state, now_ns);
        vcpu.account.set(account);
    }

    /// Sets the end of the running vCPU's turn, if it has none because nobody waited.
    fn set_slice(&mut self, now_ns: u64) {
        if self.slice_end_ns.is_none()
            && let Some(running) = self.running
            && let Some(slice) = self.queue.slice_ns(&running.account.get().share)
        {
            self.slice_end_ns = Some(now_ns.saturating_add(slice));
            self.program();
        }
    }

    /// Programs the pCPU's timer for what comes first. A timer that will fire before that stays
    /// as it is: it is set again then, which costs less than to set it at every change.
    fn program(&mut self) {
        let timer = self.timers.next_ns();
        let first = match (timer, self.slice_end_ns) {
            (Some(timer), Some(slice)) => Some(timer.min(slice)),
            (timer, slice) => timer.or(slice),
        };
        let Some(first) = first else { return };
        if self.programmed_ns.is_none_or(|programmed| first < programmed) {
            self.programmed_ns = Some(first);
            time::set_deadline(Some(first));
        }
    }
}

/// Whether the vCPU may be given a processor.
fn is_runnable(vcpu: &Vcpu) -> bool {
    let account = vcpu.account.get();
    account.up && !account.blocked && vcpu.domain().life.lock().may_run()
}

fn enter_state(vcpu: &Vcpu, state: Runstate, now_ns: u64) {
    vcpu.account.update(|mut account| {
        account.clock.enter(state, now_ns);
        account
    });
}

/// Makes the vCPU runnable if it slept, and lets it run if its domain may.
pub fn wake(vcpu: &Vcpu) {
    let account = vcpu.account.get();
    if account.poll != Poll::No {
        SCHEDULER.lock().timers.cancel((VcpuRef::new(vcpu), Timer::Poll));
    }
    vcpu.account.set(Account { blocked: false, poll: Poll::No, ..account });
    resume(vcpu);
}

/// Lets the vCPU run if it can: its domain was paused until now, or it has just come up.
pub fn resume(vcpu: &Vcpu) {
    let mut scheduler = SCHEDULER.lock();
    if scheduler.is_running(vcpu) || !is_runnable(vcpu) {
        return;
    }
    let now_ns = time::now_ns();
    let running = scheduler.charge_running(now_ns).map(|running| running.account.get().share);
    let mut account = vcpu.account.get();
    if scheduler.queue.contains(VcpuRef::new(vcpu)) {
        return;
    }
    let woken = scheduler.queue.wake(VcpuRef::new(vcpu), &mut account.share, running.as_ref());
    account.clock.enter(Runstate::Runnable, now_ns);
    vcpu.account.set(account);
    match woken {
        Woken::Preempts => pcpu().reschedule.set(true),
        Woken::Waits => scheduler.set_slice(now_ns),
        Woken::Full => unreachable!("the queue has room for all vCPUs"),
    }
}

/// The current vCPU sleeps until it is woken; `poll` says for what besides an upcall.
pub fn block(vcpu: &Vcpu, poll: Poll) {
    vcpu.account.update(|account| Account { blocked: true, poll, ..account });
    pcpu().reschedule.set(true);
}

/// The current vCPU gives way once.
pub fn yield_now(vcpu: &Vcpu) {
    vcpu.account.update(|account| Account { yielded: true, ..account });
    pcpu().reschedule.set(true);
}

/// Takes the vCPU off the processor and the queue; for a domain that may not run any more.
pub fn stop(vcpu: &Vcpu) {
    let mut scheduler = SCHEDULER.lock();
    if scheduler.is_running(vcpu) {
        pcpu().reschedule.set(true);
        return;
    }
    if scheduler.queue.remove(VcpuRef::new(vcpu)) {
        enter_state(vcpu, Runstate::Offline, time::now_ns());
    }
}

/// `VCPUOP_up` and `VCPUOP_down`.
pub fn set_up(vcpu: &Vcpu, up: bool) {
    vcpu.account.update(|account| Account { up, ..account });
    if up { wake(vcpu) } else { stop(vcpu) }
}

/// Forgets a vCPU that is about to be freed.
pub fn forget(vcpu: &Vcpu) {
    let mut scheduler = SCHEDULER.lock();
    let vcpu = VcpuRef::new(vcpu);
    scheduler.queue.remove(vcpu);
    scheduler.running = scheduler.running.filter(|running| *running != vcpu);
    let watchdogs = [Timer::Watchdog(0), Timer::Watchdog(1)];
    let others = [Timer::Singleshot, Timer::Periodic, Timer::Poll, Timer::LocalApic];
    for timer in others.into_iter().chain(watchdogs) {
        scheduler.timers.cancel((vcpu, timer));
    }
}

/// Changes a vCPU's weight.
pub fn set_weight(vcpu: &Vcpu, weight: u32) {
    let _order = SCHEDULER.lock();
    vcpu.account.update(|mut account| {
        account.share.set_weight(weight);
        account
    });
}

/// Sets or cancels (`None`) a timer, at a system time in ns. A time that has passed fires at once.
pub fn set_timer(vcpu: &Vcpu, timer: Timer, deadline_ns: Option<u64>) {
    let mut scheduler = SCHEDULER.lock();
    let id = (VcpuRef::new(vcpu), timer);
    match deadline_ns {
        Some(deadline_ns) => {
            let set = scheduler.timers.set(id, deadline_ns);
            assert!(set.is_ok(), "the queue has room for all timers");
        }
        None => {
            scheduler.timers.cancel(id);
        }
    }
    scheduler.program();
}

/// When a timer of the vCPU fires, ns.
pub fn timer_deadline_ns(vcpu: &Vcpu, timer: Timer) -> Option<u64> {
    SCHEDULER.lock().timers.deadline_ns((VcpuRef::new(vcpu), timer))
}

/// Starts the periodic timer, or stops it with 0.
pub fn set_period(vcpu: &Vcpu, period_ns: u64) {
    vcpu.account.update(|account| Account { period_ns, ..account });
    let first = (period_ns > 0).then(|| time::now_ns().saturating_add(period_ns));
    set_timer(vcpu, Timer::Periodic, first);
}

/// The interrupt of the pCPU's timer: `fire` is called for each timer that is due, after the lock
/// is gone.
pub fn timer_interrupt(fire: impl Fn(&Vcpu, Timer)) {
    let now_ns = time::now_ns();
    SCHEDULER.lock().programmed_ns = None;
    loop {
        let due = SCHEDULER.lock().timers.pop_due(now_ns);
        let Some((vcpu, timer)) = due else { break };
        let period_ns = vcpu.account.get().period_ns;
        if timer == Timer::Periodic && period_ns > 0 {
            set_timer(&vcpu, timer, Some(now_ns.saturating_add(period_ns)));
        }
        fire(&vcpu, timer);
    }
    let mut scheduler = SCHEDULER.lock();
    if scheduler.slice_end_ns.is_some_and(|end| end <= now_ns) {
        scheduler.slice_end_ns = None;
        pcpu().reschedule.set(true);
    }
    scheduler.program();
}

/// Whether the pCPU's timer has reached its time, so that its interrupt waits or should.
pub fn is_timer_due() -> bool {
    SCHEDULER.lock().programmed_ns.is_some_and(|at_ns| at_ns <= time::now_ns())
}

/// Ends the turn of the running vCPU and chooses the next one, which may be the same; `None`:
/// nothing wants to run.
pub fn choose() -> Option<VcpuRef> {
    pcpu().reschedule.set(false);
    let now_ns = time::now_ns();
    let mut scheduler = SCHEDULER.lock();
    if let Some(ended) = scheduler.charge_running(now_ns) {
        scheduler.end_turn(ended, now_ns, is_runnable(&ended));
    }
    let next = scheduler.queue.pick();
    scheduler.running = next;
    scheduler.slice_end_ns = None;
    if let Some(vcpu) = next {
        vcpu.account.update(|account| Account { started_ns: now_ns, ..account });
        enter_state(&vcpu, Runstate::Running, now_ns);
        let slice = scheduler.queue.slice_ns(&vcpu.account.get().share);
        scheduler.slice_end_ns = slice.map(|slice| now_ns.saturating_add(slice));
    }
    scheduler.program();
    next
}
