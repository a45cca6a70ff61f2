// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measured values in Prometheus' text format.

use alloc::string::String;
use core::fmt::Write;

/// The media type of the format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What kind of value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One measured value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, with labels in braces if it has any; those of one name follow each other.
    pub name: &'static str,
    /// What it is, in a sentence without a full stop.
    pub help: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The value.
    pub value: u64,
}

impl Metric {
    /// A value that only grows.
    pub fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, kind: Kind::Counter, value }
    }

    /// A value that goes up and down.
    pub fn gauge(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, kind: Kind::Gauge, value }
    }
}

/// The text of all `metrics`.
pub fn render(metrics: &[Metric]) -> String {
    let mut text = String::with_capacity(metrics.len() * 120);
    let mut last = "";
    for metric in metrics {
        let name = metric.name.split('{').next().unwrap_or(metric.name);
        if name != last {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help);
            last = name;
        }
        let _ = writeln!(text, "{} {}", metric.name, metric.value);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Metric, render};

    #[test]
    fn one_head_a_name() {
        let text = render(&[
            Metric::counter("a_total{x=\"1\"}", "All a", 1),
            Metric::counter("a_total{x=\"2\"}", "All a", 2),
            Metric::gauge("b", "Some b", 3),
        ]);
        let expected = "# HELP a_total All a\n# TYPE a_total counter\na_total{x=\"1\"} 1\n\
                        a_total{x=\"2\"} 2\n# HELP b Some b\n# TYPE b gauge\nb 3\n";
        assert_eq!(text, expected);
    }
}
