// SPDX-License-Identifier: MIT OR Apache-2.0
//! The console: the hypervisor's in the first domain, a ring that a daemon reads in others.
//!
//! The macros of crate `log` write here, each line with its time; the command line's
//! `loglevel=debug` (or off, error, warn, info, trace) chooses how much. [`Console`] writes and
//! reads plain bytes.
//!
//! ```no_run
//! # use minios::console::{self, Console};
//! # async fn example() {
//! use embedded_io::Write;
//! log::info!("ready");
//! write!(Console, "name? ").unwrap();
//! let name = console::read_line().await;
//! log::info!("hello {name}");
//! # }
//! ```
use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::future::poll_fn;
use core::task::{Context, Poll};

use spin::Once;
use xen_abi::event_channel::Virq;

use crate::event_channel::EventChannel;
use crate::hypercall::console_io;
use crate::start_info::{console_port, is_initial_domain};
use crate::suspend::Outcome;

mod logger;
mod ring;

pub use logger::set_log_sink;

/// What tells that there may be input.
static INPUT: Once<Option<EventChannel>> = Once::new();

/// Makes [`write_raw`] work. Needs no memory.
pub(crate) fn init_early() {
    if !is_initial_domain() {
        ring::init();
    }
}

/// Binds the input's event, and makes this the place where `log` goes.
pub(crate) fn init() {
    INPUT.call_once(|| {
        if is_initial_domain() {
            EventChannel::bind_virq(Virq::CONSOLE).ok()
        } else {
            Some(EventChannel::open(console_port()))
        }
    });
    logger::init();
}

/// Takes the input's event again.
pub(crate) fn resume(outcome: Outcome) {
    if outcome == Outcome::Restored
        && let Some(Some(input)) = INPUT.get()
    {
        input.reopen(console_port());
    }
}

/// Writes bytes. Allocates nothing, takes no lock, and waits only a bounded time for a backend.
pub(crate) fn write_raw(bytes: &[u8]) {
    if is_initial_domain() {
        let _ = console_io::write(bytes);
    } else {
        ring::write(bytes);
    }
}

/// Waits a bounded time until what was written has been read.
pub(crate) fn flush() {
    if !is_initial_domain() {
        ring::flush();
    }
}

/// What was typed, as far as it fits and is there now.
fn read_now(buffer: &mut [u8]) -> usize {
    if is_initial_domain() { console_io::read(buffer).unwrap_or(0) } else { ring::read(buffer) }
}

/// [`read`], for code that is polled.
pub fn poll_read(cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<usize> {
    loop {
        let count = read_now(buffer);
        if count > 0 || buffer.is_empty() {
            return Poll::Ready(count);
        }
        match INPUT.get().and_then(Option::as_ref) {
            Some(channel) => core::task::ready!(channel.poll_wait(cx)),
            None => return Poll::Pending,
        }
    }
}

/// Waits for input, and gives what there is of it. One task reads at a time.
pub async fn read(buffer: &mut [u8]) -> usize {
    poll_fn(|cx| poll_read(cx, buffer)).await
}

/// Waits for a line, and gives it without its end. Nothing is echoed.
pub async fn read_line() -> String {
    let mut line = Vec::new();
    loop {
        let mut byte = [0];
        read(&mut byte).await;
        match byte {
            [b'\r' | b'\n'] => return String::from_utf8_lossy(&line).into_owned(),
            [8 | 127] => drop(line.pop()),
            [byte] => line.push(byte),
        }
    }
}

/// The console as a stream of bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Console;

impl embedded_io::ErrorType for Console {
    type Error = Infallible;
}

impl embedded_io::Write for Console {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        write_raw(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        flush();
        Ok(())
    }
}

impl embedded_io_async::Read for Console {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok(read(buffer).await)
    }
}

impl embedded_io_async::Write for Console {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        embedded_io::Write::write(self, bytes)
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        embedded_io::Write::flush(self)
    }
}

impl core::fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        write_raw(text.as_bytes());
        Ok(())
    }
}
