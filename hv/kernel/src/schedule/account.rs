// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the scheduler keeps of a vCPU.
use hv_core::runstate::RunstateClock;
use hv_core::scheduler::Share;
use xen_abi::event_channel::EvtchnPort;

/// What a vCPU waits for in `SCHEDOP_poll`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Poll {
    /// It does not poll.
    #[default]
    No,
    /// One port.
    One(EvtchnPort),
    /// Any of several ports.
    Many,
}

/// A vCPU as the scheduler sees it.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    pub(super) share: Share,
    pub(super) clock: RunstateClock,
    pub(super) started_ns: u64,
    pub(super) blocked: bool,
    pub(super) up: bool,
    pub(super) yielded: bool,
    pub(super) period_ns: u64,
    pub(super) poll: Poll,
}

impl Account {
    /// A vCPU that is down and never ran.
    pub const fn new(weight: u32) -> Self {
        Self {
            share: Share::new(weight),
            clock: RunstateClock::new(0),
            started_ns: 0,
            blocked: false,
            up: false,
            yielded: false,
            period_ns: 0,
            poll: Poll::No,
        }
    }

    /// How long it was in each state.
    pub const fn clock(&self) -> RunstateClock {
        self.clock
    }

    /// Whether it sleeps.
    pub const fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Whether it was started (`VCPUOP_up`).
    pub const fn is_up(&self) -> bool {
        self.up
    }

    /// What it polls.
    pub const fn poll(&self) -> Poll {
        self.poll
    }

    /// Its weight.
    pub const fn weight(&self) -> u32 {
        self.share.weight()
    }
}
