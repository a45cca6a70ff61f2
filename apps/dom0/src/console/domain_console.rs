// SPDX-License-Identifier: MIT OR Apache-2.0
//! One domain's console: what it prints goes to the serial line, what is typed goes to it.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::string::String;
use core::cell::{Cell, RefCell};
use core::task::{Context, Poll, Waker};

use dom0_core::console::{Allowance, LineJoiner, Scrollback};
use minios::event_channel::EventChannel;
use minios::memory::SharedPages;
use minios::minios_core::byte_ring::{CONSOLE_IN, CONSOLE_OUT};
use minios::minios_core::ring::Corrupt;
use minios::task::yield_now;
use minios::time::{Duration, Instant, Timer};

use crate::terminal;

/// Bytes of output remembered for those who attach later.
const SCROLLBACK_BYTES: usize = 8192;
/// Bytes of input that wait while the domain takes none; more are dropped.
const INPUT_MAX: usize = 1024;
/// How long a domain waits that printed too much.
const PAUSE: Duration = Duration::from_millis(50);
/// Pieces of output taken at the end of a domain: it cannot print for ever.
const LAST_PIECES: usize = 64;

/// The console of one domain.
pub(crate) struct DomainConsole {
    name: String,
    page: SharedPages,
    channel: EventChannel,
    attached: Cell<bool>,
    ended: Cell<bool>,
    /// Whom to wake at the end.
    watcher: Cell<Option<Waker>>,
    state: RefCell<State>,
}

struct State {
    joiner: LineJoiner,
    scrollback: Scrollback,
    input: VecDeque<u8>,
    allowance: Allowance,
    corrupt: u64,
}

impl DomainConsole {
    /// The console of the domain `name`, whose ring is in `page`.
    pub(crate) fn new(name: String, page: SharedPages, channel: EventChannel) -> Rc<Self> {
        let state = State {
            joiner: LineJoiner::default(),
            scrollback: Scrollback::new(SCROLLBACK_BYTES),
            input: VecDeque::new(),
            allowance: Allowance::new(Instant::now().as_millis()),
            corrupt: 0,
        };
        Rc::new(Self {
            name,
            page,
            channel,
            attached: Cell::new(false),
            ended: Cell::new(false),
            watcher: Cell::new(None),
            state: RefCell::new(state),
        })
    }

    /// Serves the ring until the task is cancelled.
    pub(crate) async fn serve(self: Rc<Self>) {
        loop {
            if self.state.borrow_mut().allowance.is_spent(Instant::now().as_millis()) {
                Timer::after(PAUSE).await;
            } else if self.pump() {
                yield_now().await;
            } else {
                self.channel.wait().await;
            }
        }
    }

    /// Shows the last output, and from now on every byte as it comes.
    pub(crate) fn attach(&self) {
        self.attached.set(true);
        let recent = self.state.borrow().scrollback.contents();
        terminal::write(&recent);
    }

    /// Back to whole lines.
    pub(crate) fn detach(&self) {
        self.attached.set(false);
    }

    /// Hands typed bytes to the domain.
    pub(crate) fn type_in(&self, bytes: &[u8]) {
        let mut state = self.state.borrow_mut();
        let room = INPUT_MAX - state.input.len();
        state.input.extend(&bytes[..bytes.len().min(room)]);
        drop(state);
        self.pump();
    }

    /// Waits for the end of the domain.
    pub(crate) fn poll_ended(&self, cx: &Context<'_>) -> Poll<()> {
        if self.ended.get() {
            return Poll::Ready(());
        }
        self.watcher.set(Some(cx.waker().clone()));
        Poll::Pending
    }

    /// Shows what is left when the domain has ended.
    pub(crate) fn finish(&self) {
        for _ in 0..LAST_PIECES {
            if !self.pump() {
                break;
            }
        }
        let mut state = self.state.borrow_mut();
        if state.corrupt > 0 {
            log::warn!("{}: its console ring was corrupt {} times", self.name, state.corrupt);
        }
        let rest = state.joiner.flush();
        if let Some(rest) = rest
            && !self.attached.get()
        {
            terminal::domain_line(&self.name, &rest);
        }
        self.ended.set(true);
        if let Some(waker) = self.watcher.take() {
            waker.wake();
        }
    }

    /// Moves what can be moved now; `false` if nothing could.
    fn pump(&self) -> bool {
        let mut state = self.state.borrow_mut();
        match self.transfer(&mut state) {
            Ok(moved) => {
                if moved {
                    self.channel.notify();
                }
                moved
            }
            Err(Corrupt) => {
                state.corrupt += 1;
                false
            }
        }
    }

    fn transfer(&self, state: &mut State) -> Result<bool, Corrupt> {
        let mut bytes = [0; 512];
        let taken = CONSOLE_OUT.take(&self.page, &mut bytes)?;
        let output = &bytes[..taken];
        state.allowance.spend(taken);
        state.scrollback.push(output);
        let lines = state.joiner.feed(output);
        if self.attached.get() {
            terminal::write(output);
        } else {
            lines.iter().for_each(|line| terminal::domain_line(&self.name, line));
        }
        let put = CONSOLE_IN.put(&self.page, state.input.make_contiguous())?;
        state.input.drain(..put);
        Ok(taken > 0 || put > 0)
    }
}
