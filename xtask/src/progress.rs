// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shows that something goes on: a spinner on a terminal, a plain line elsewhere.
use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

/// A step that may take longer than a second. Ends when dropped.
pub(crate) struct Step {
    bar: ProgressBar,
}

impl Step {
    /// Starts to show `message`.
    pub(crate) fn start(message: impl Into<String>) -> Self {
        let message = message.into();
        if !std::io::stderr().is_terminal() {
            eprintln!("{message} ...");
            return Self { bar: ProgressBar::hidden() };
        }
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
        let bar = ProgressBar::new_spinner()
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
            .with_message(message);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
