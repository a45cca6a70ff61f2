// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed bytes, and the other things that a prompt waits for at the same time.

use alloc::collections::VecDeque;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Poll, ready};

use minios::console;

use crate::console::DomainConsole;

/// Ctrl-C.
const CANCEL_KEY: u8 = 0x03;
/// Bytes typed ahead that are kept while a command runs.
const AHEAD_MAX: usize = 256;
/// Bytes read at a time.
const CHUNK: usize = 64;

/// What is typed, with what was typed while nobody read.
#[derive(Default)]
pub(super) struct Input {
    ahead: VecDeque<u8>,
}

impl Input {
    /// Waits for typed bytes; `None` if the domain behind `console` ended first.
    pub(super) async fn next(&mut self, console: Option<&DomainConsole>) -> Option<VecDeque<u8>> {
        poll_fn(|cx| {
            if !self.ahead.is_empty() {
                return Poll::Ready(Some(core::mem::take(&mut self.ahead)));
            }
            if console.is_some_and(|console| console.poll_ended(cx).is_ready()) {
                return Poll::Ready(None);
            }
            let mut buffer = [0; CHUNK];
            let count = ready!(console::poll_read(cx, &mut buffer));
            Poll::Ready(Some(buffer[..count].iter().copied().collect()))
        })
        .await
    }

    /// Runs a command that Ctrl-C may end; `None` if it did.
    pub(super) async fn unless_cancelled<T>(
        &mut self,
        command: impl Future<Output = T>,
    ) -> Option<T> {
        let mut command = pin!(command);
        poll_fn(|cx| {
            if let Poll::Ready(result) = command.as_mut().poll(cx) {
                return Poll::Ready(Some(result));
            }
            loop {
                let mut buffer = [0; CHUNK];
                let count = ready!(console::poll_read(cx, &mut buffer));
                if buffer[..count].contains(&CANCEL_KEY) {
                    return Poll::Ready(None);
                }
                let room = AHEAD_MAX.saturating_sub(self.ahead.len());
                self.ahead.extend(&buffer[..count.min(room)]);
            }
        })
        .await
    }
}
