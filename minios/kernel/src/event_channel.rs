// SPDX-License-Identifier: MIT OR Apache-2.0
//! Event channels: one bit from one domain to another, or from the hypervisor.
//!
//! ```no_run
//! # use minios::{DomId, event_channel::EventChannel};
//! # async fn example() -> Result<(), minios::Errno> {
//! let channel = EventChannel::alloc_unbound(DomId::DOM0)?;
//! // Tell the other side channel.port(), by xenstore for example.
//! channel.notify();
//! channel.wait().await;
//! # Ok(())
//! # }
//! ```
use core::future::poll_fn;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll, Waker};

use minios_core::port_table::{self, PortTable};
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::event_channel::{BIND_PIRQ_WILL_SHARE, EvtchnPort, Virq};

use crate::arch::{shared_info, vcpu_info};
use crate::hypercall::event_channel as op;
use crate::lock::Lock;
use crate::suspend::{self, Outcome};

static PORTS: Lock<PortTable> = Lock::new(PortTable::new());

/// Our end of an event channel; closed on drop. It is dead when the domain has been restored from
/// a save: then it neither sends nor receives.
#[derive(Debug)]
pub struct EventChannel {
    port: AtomicU32,
    /// How often the domain had been restored when the port was bound.
    restores: AtomicU32,
}

impl EventChannel {
    /// A channel that domain `remote` may connect to.
    ///
    /// # Errors
    /// `ENOSPC` if we have no port left.
    pub fn alloc_unbound(remote: DomId) -> Result<Self, Errno> {
        op::alloc_unbound(DomId::SELF, remote).map(Self::open)
    }

    /// Connects to a port that domain `remote` offers us.
    ///
    /// # Errors
    /// `EINVAL` if it does not, `ESRCH`, `ENOSPC`.
    pub fn bind_interdomain(remote: DomId, port: EvtchnPort) -> Result<Self, Errno> {
        op::bind_interdomain(remote, port).map(Self::open)
    }

    /// Receives a virtual interrupt.
    ///
    /// # Errors
    /// `EEXIST` if it is bound already, `EBUSY` by another domain, `EINVAL`, `ENOSPC`.
    pub fn bind_virq(virq: Virq) -> Result<Self, Errno> {
        op::bind_virq(virq).map(Self::open)
    }

    /// Receives a physical interrupt; `shared` if other devices may have the same line.
    ///
    /// # Errors
    /// `EINVAL`, `EBUSY`, `EPERM`.
    pub fn bind_pirq(pirq: u32, shared: bool) -> Result<Self, Errno> {
        op::bind_pirq(pirq, if shared { BIND_PIRQ_WILL_SHARE } else { 0 }).map(Self::open)
    }

    /// A port that somebody bound for us: the builder, for console and xenstore.
    #[must_use]
    pub fn open(port: EvtchnPort) -> Self {
        let channel = Self { port: AtomicU32::new(0), restores: AtomicU32::new(0) };
        channel.reopen(port);
        channel
    }

    /// Takes another port in the place of one that is gone.
    pub(crate) fn reopen(&self, port: EvtchnPort) {
        self.port.store(port.get(), Ordering::Relaxed);
        self.restores.store(suspend::restores(), Ordering::Relaxed);
        PORTS.lock().open(port.get());
        // A port may have been masked by whoever had its number before.
        if let Some((word, bit)) = port.word_and_bit()
            && shared_info().evtchn_mask[word].load(Ordering::Relaxed) & 1 << bit != 0
        {
            let _ = op::unmask(port);
        }
    }

    /// Whether the port is still ours.
    fn is_alive(&self) -> bool {
        self.restores.load(Ordering::Relaxed) == suspend::restores()
    }

    /// The number by which the other side, or a ring's owner, knows our end.
    #[must_use]
    pub fn port(&self) -> EvtchnPort {
        EvtchnPort::new(self.port.load(Ordering::Relaxed))
    }

    /// Raises the event at the other end; nothing happens while nobody is there.
    pub fn notify(&self) {
        if self.is_alive() {
            // Fails only for a port that cannot send: an interrupt.
            let _ = op::send(self.port());
        }
    }

    /// Waits for an event: returns at once if there was one since the last wait.
    ///
    /// Events do not count: several before a wait are one. One task waits at a time.
    pub async fn wait(&self) {
        poll_fn(|cx| self.poll_wait(cx)).await;
    }

    /// [`wait`](Self::wait), for code that is polled.
    pub fn poll_wait(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_alive() {
            return Poll::Pending;
        }
        PORTS.lock().poll(self.port().get(), cx.waker())
    }

    /// Whether there was an event since the last wait; then it counts as waited for.
    #[must_use]
    pub fn take_pending(&self) -> bool {
        self.is_alive() && PORTS.lock().take_pending(self.port().get())
    }

    /// Lets an interrupt come again after it was handled, where it stays masked until then.
    pub fn unmask(&self) {
        if self.is_alive() {
            let _ = op::unmask(self.port());
        }
    }
}

impl Drop for EventChannel {
    fn drop(&mut self) {
        if self.is_alive() {
            let _ = op::close(self.port());
            PORTS.lock().open(self.port().get());
        }
    }
}

/// All ports are gone: who waits for one looks again.
pub(crate) fn resume(outcome: Outcome) {
    if outcome == Outcome::Restored {
        let wakers = PORTS.lock().clear();
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Wakes the tasks for whose ports an event is pending. Called by the runtime between tasks.
pub(crate) fn collect() {
    let vcpu = vcpu_info();
    if vcpu.evtchn_upcall_pending.swap(0, Ordering::AcqRel) == 0 {
        return;
    }
    let shared = shared_info();
    let sel = &vcpu.evtchn_pending_sel;
    port_table::collect(sel, &shared.evtchn_pending, &shared.evtchn_mask, |port| {
        let waker = PORTS.lock().fire(port);
        if let Some(waker) = waker {
            waker.wake();
        }
    });
}
