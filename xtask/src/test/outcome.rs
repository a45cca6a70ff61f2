// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a test guest ended, from what it printed (tests/report says how it prints).
use std::time::Instant;

use crate::session::Session;

/// How a guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything holds.
    Success,
    /// The test does not apply here.
    Skip,
    /// The test could not be carried out.
    Error,
    /// Something does not hold.
    Failure,
    /// The guest ended, or fell silent, without a verdict.
    Crash,
}

/// What a guest said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    end: Option<End>,
    /// The table of results: names and values.
    pub(crate) rows: Vec<(String, String)>,
    /// What was measured: names and values.
    pub(crate) figures: Vec<(String, String)>,
    /// What does not hold.
    pub(crate) complaints: Vec<String>,
    /// Why the test does not apply.
    pub(crate) reason: String,
    /// The last line, which may say why there is no verdict.
    pub(crate) last_line: String,
    /// Why hv ended the domain, as it says on the same console.
    pub(crate) crashed: String,
    /// Whether the line that tells the domain's end has come.
    pub(crate) saw_end: bool,
}

impl Outcome {
    /// Follows the console of `session` until the guest's verdict, or `deadline`, or a line that
    /// `tells_end` of the domain. Where domains share a console, lines of the guest begin with
    /// `prefix`.
    pub(crate) fn follow(
        session: &mut Session,
        prefix: &str,
        tells_end: impl Fn(&str) -> bool,
        deadline: Instant,
    ) -> Self {
        let mut outcome = Self::default();
        while outcome.end.is_none() {
            let line = match session.line(deadline) {
                Ok(Some(line)) => line,
                Ok(None) => {
                    outcome.complaints.push("it ran out of time".to_owned());
                    break;
                }
                Err(error) => {
                    outcome.complaints.push(error.to_string());
                    break;
                }
            };
            if let Some(said) = line.strip_prefix(prefix) {
                outcome.take(said);
            }
            if let Some(why) = crash_reason(&line) {
                why.clone_into(&mut outcome.crashed);
            }
            if tells_end(&line) {
                outcome.saw_end = true;
                break;
            }
        }
        outcome
    }

    /// What a guest said in `lines`, the whole of its console.
    pub(crate) fn of<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut outcome = Self::default();
        lines.into_iter().for_each(|line| outcome.take(line));
        outcome
    }

    /// How the guest ended.
    pub(crate) fn end(&self) -> End {
        self.end.unwrap_or(End::Crash)
    }

    fn take(&mut self, line: &str) {
        if let Some(verdict) = line.strip_prefix("verdict: ") {
            self.end = Some(verdict_of(verdict.trim()));
        } else if let Some(row) = line.strip_prefix("= ") {
            self.rows.extend(named(row));
        } else if let Some(figure) = line.strip_prefix("# ") {
            self.figures.extend(named(figure));
        } else if let Some(complaint) = line.strip_prefix("! ") {
            self.complaints.push(complaint.trim().to_owned());
        } else if let Some(reason) = line.strip_prefix("skipped: ") {
            reason.trim().clone_into(&mut self.reason);
        }
        if !line.trim().is_empty() {
            line.trim().clone_into(&mut self.last_line);
        }
    }
}

/// What hv's line says, if it is about a domain's crash.
fn crash_reason(line: &str) -> Option<&str> {
    line.strip_prefix("(hv) d")?.split_once(" crashed: ").map(|(_, why)| why.trim())
}

/// Splits `NAME: VALUE`.
fn named(row: &str) -> Option<(String, String)> {
    let (name, value) = row.split_once(": ")?;
    Some((name.to_owned(), value.trim().to_owned()))
}

fn verdict_of(word: &str) -> End {
    match word {
        "Success" => End::Success,
        "Skip" => End::Skip,
        "Error" => End::Error,
        "Failure" => End::Failure,
        _ => End::Crash,
    }
}

/// The value of a row that a guest did not print.
const NONE: &str = "(no such row)";

/// The rows in which two hypervisors differ: name, first value, second value.
pub(crate) fn differences<'a>(
    first: &'a Outcome,
    second: &'a Outcome,
) -> Vec<(&'a str, &'a str, &'a str)> {
    let value = |outcome: &'a Outcome, name: &str| {
        let row = outcome.rows.iter().find(|(other, _)| other == name);
        row.map_or(NONE, |(_, value)| value.as_str())
    };
    let mut names: Vec<&str> = first.rows.iter().map(|(name, _)| name.as_str()).collect();
    let added = second.rows.iter().map(|(name, _)| name.as_str());
    names.extend(added.filter(|name| value(first, name) == NONE));
    names
        .into_iter()
        .map(|name| (name, value(first, name), value(second, name)))
        .filter(|(_, a, b)| a != b)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{End, Outcome, crash_reason, differences};

    #[test]
    fn reads_rows_complaints_and_the_verdict() {
        let outcome = Outcome::of([
            "= null pointer: -14",
            "# null hypercall: 150",
            "! magic: got 1, want 2",
            "verdict: Failure",
        ]);
        assert_eq!(outcome.end(), End::Failure);
        assert_eq!(outcome.rows, [("null pointer".to_owned(), "-14".to_owned())]);
        assert_eq!(outcome.figures, [("null hypercall".to_owned(), "150".to_owned())]);
        assert_eq!(outcome.complaints, ["magic: got 1, want 2"]);
    }

    #[test]
    fn silence_is_a_crash() {
        assert_eq!(Outcome::of(["panic at x.rs:1"]).end(), End::Crash);
        assert_eq!(Outcome::of(["verdict: Succ"]).end(), End::Crash);
    }

    #[test]
    fn hv_says_why_a_domain_crashed() {
        assert_eq!(crash_reason("(hv) d3 crashed: it is so"), Some("it is so"));
        assert_eq!(crash_reason("(hv) the machine crashed: why"), None);
    }

    #[test]
    fn tables_are_compared_by_name() {
        let (a, b) = (Outcome::of(["= x: 1", "= y: 2"]), Outcome::of(["= y: 3", "= z: 4"]));
        assert_eq!(
            differences(&a, &b),
            [("x", "1", "(no such row)"), ("y", "2", "3"), ("z", "(no such row)", "4")]
        );
    }
}
