// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shows that something goes on: a spinner on a terminal, a plain line elsewhere.
use std::{
    io::IsTerminal,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

/// What is over sooner needs no word.
const NOTICEABLE: Duration = Duration::from_secs(1);

/// A step that may take longer than a second. Ends when dropped.
pub(crate) enum Step {
    Spinner(ProgressBar),
    /// The line is printed unless this is dropped soon.
    Line {
        _end: Sender<()>,
    },
}

impl Step {
    /// Starts to show `message`.
    pub(crate) fn start(message: impl Into<String>) -> Self {
        let message = message.into();
        if !std::io::stderr().is_terminal() {
            return Self::line(message);
        }
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
        let bar = ProgressBar::new_spinner()
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
            .with_message(message);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self::Spinner(bar)
    }

    fn line(message: String) -> Self {
        let (end, ended) = channel();
        thread::spawn(move || {
            if ended.recv_timeout(NOTICEABLE) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{message} ...");
            }
        });
        Self::Line { _end: end }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Self::Spinner(bar) = self {
            bar.finish_and_clear();
        }
    }
}
