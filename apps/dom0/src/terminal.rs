// SPDX-License-Identifier: MIT OR Apache-2.0
//! The serial line: lines of dom0 and of the domains, and the prompt below them.

use alloc::format;
use alloc::string::String;
use core::fmt::{Arguments, Write};

use dom0_core::console::Screen;
use log::{Level, Record};
use minios::console::{self, Console};
use minios::time::Instant;
use spin::Mutex;

static SCREEN: Mutex<Screen> = Mutex::new(Screen::new());

/// Makes the macros of `log` print here.
pub(crate) fn init() {
    console::set_log_sink(show_record);
}

/// Prints a line of dom0's own.
pub(crate) fn line(text: &str) {
    write(&SCREEN.lock().line(text));
}

/// Prints a line from formatted pieces: `terminal::print(format_args!(..))`.
pub(crate) fn print(text: Arguments<'_>) {
    line(&format!("{text}"));
}

/// Prints a line of a domain.
pub(crate) fn domain_line(name: &str, text: &str) {
    write(&SCREEN.lock().domain_line(name, text));
}

/// Prints bytes as they are.
pub(crate) fn write(bytes: &[u8]) {
    let _ = embedded_io::Write::write_all(&mut Console, bytes);
}

/// Shows the prompt, or what it has become.
pub(crate) fn show_prompt(prompt: String) {
    write(&SCREEN.lock().show_prompt(prompt));
}

/// The prompt is done with for now: what comes next stands below it.
pub(crate) fn leave_prompt() {
    write(&SCREEN.lock().leave_prompt());
}

fn show_record(record: &Record<'_>) {
    let now = Instant::now().as_millis();
    let mut text = format!("{:4}.{:03} ", now / 1000, now % 1000);
    let _ = match record.level() {
        Level::Error => write!(text, "error: "),
        Level::Warn => write!(text, "warning: "),
        Level::Info => Ok(()),
        Level::Debug | Level::Trace => write!(text, "{}: ", record.target()),
    };
    let _ = write!(text, "{}", record.args());
    line(&text);
}
