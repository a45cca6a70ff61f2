// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the macros of crate `log` write.
use core::fmt::Write;

use log::{LevelFilter, Log, Metadata, Record};
use spin::Once;

use super::write_raw;
use crate::start_info::command_line_value;
use crate::time::system_time_ns;

/// Bytes collected before they are written: most lines go out in one piece.
const LINE: usize = 256;

/// Who prints the lines instead of us.
static SINK: Once<fn(&Record<'_>)> = Once::new();

/// From now on `sink` gets each record instead of the console: for an app that shares the console
/// with others and so keeps its own order there. The first sink stays.
///
/// ```no_run
/// minios::console::set_log_sink(|record| drop(record.args()));
/// ```
pub fn set_log_sink(sink: fn(&Record<'_>)) {
    SINK.call_once(|| sink);
}

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        if let Some(sink) = SINK.get() {
            return sink(record);
        }
        let us = system_time_ns() / 1000;
        let (seconds, us) = (us / 1_000_000, us % 1_000_000);
        let (level, target, text) = (record.level(), record.target(), record.args());
        let mut line = Line { bytes: heapless::Vec::new() };
        let _ = writeln!(line, "[{seconds:4}.{us:06}] {level:5} {target}: {text}");
        line.write_out();
    }

    fn flush(&self) {}
}

/// Sets the level that the command line asks for, else info.
pub(super) fn init() {
    let level = command_line_value("loglevel").and_then(|level| level.parse().ok());
    log::set_max_level(level.unwrap_or(LevelFilter::Info));
    let _ = log::set_logger(&Logger);
}

struct Line {
    bytes: heapless::Vec<u8, LINE>,
}

impl Line {
    fn write_out(&mut self) {
        write_raw(&self.bytes);
        self.bytes.clear();
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for byte in text.bytes() {
            if self.bytes.push(byte).is_err() {
                self.write_out();
                let _ = self.bytes.push(byte);
            }
        }
        Ok(())
    }
}
