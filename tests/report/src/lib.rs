// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a test guest says what it found, on its console, as lines that a program can read.
//!
//! ```text
//! = NAME: VALUE            a row of the table of results, compared between hypervisors
//! # NAME: NUMBER           a figure that was measured
//! ! WHAT: got X, want Y    something that does not hold
//! verdict: Success         the last line: Success, Skip, Error or Failure; the worst one wins
//! ```
//!
//! A guest that ends without a verdict has crashed.
//!
//! ```ignore
//! test_report::guest!(run);
//! async fn run(report: &mut Report) {
//!     report.equal("one and one", 1 + 1, 2);
//! }
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use core::fmt::{Debug, Write};

#[doc(hidden)]
pub use minios;

mod verdict;

/// Prints a line; a console that takes none ends nothing.
macro_rules! say {
    ($($text:tt)*) => {
        let _ = writeln!(minios::console::Console, $($text)*);
    };
}

pub use verdict::Verdict;

/// What a guest has found so far.
#[derive(Debug, Default)]
pub struct Report {
    verdict: Verdict,
}

impl Report {
    /// A row of the table of results: the same text is expected of every hypervisor.
    pub fn row(&mut self, name: &str, value: impl Debug) {
        say!("= {name}: {value:?}");
    }

    /// A figure that was measured.
    pub fn figure(&mut self, name: &str, value: u64) {
        say!("# {name}: {value}");
    }

    /// A row whose value is known beforehand.
    pub fn expect<T: PartialEq + Debug>(&mut self, name: &str, got: T, want: T) {
        self.row(name, &got);
        self.equal(name, got, want);
    }

    /// Says so if `got` is not `want`.
    pub fn equal<T: PartialEq + Debug>(&mut self, what: &str, got: T, want: T) {
        if got != want {
            say!("! {what}: got {got:?}, want {want:?}");
            self.worsen(Verdict::Failure);
        }
    }

    /// Says so if something does not hold.
    pub fn check(&mut self, what: &str, holds: bool) {
        self.equal(what, holds, true);
    }

    /// The test could not be carried out for a reason that is not what it tests.
    pub fn error(&mut self, what: &str, reason: impl Debug) {
        say!("! {what}: {reason:?}");
        self.worsen(Verdict::Error);
    }

    /// The test does not apply here.
    pub fn skip(&mut self, reason: &str) {
        say!("skipped: {reason}");
        self.worsen(Verdict::Skip);
    }

    fn worsen(&mut self, verdict: Verdict) {
        self.verdict = self.verdict.max(verdict);
    }

    /// Prints the verdict: the last thing a guest does.
    pub fn finish(self) {
        say!("verdict: {:?}", self.verdict);
    }
}

/// Makes `$run`, an `async fn(&mut Report)`, the whole of a guest; with `only_pv` or `only_pvh`, of a
/// guest of that type, while the same image as the other gives the reason why there is nothing to
/// test.
#[macro_export]
macro_rules! guest {
    ($run:path) => {
        $crate::guest!(@ $run);
    };
    ($run:path, only_pv = $reason:literal) => {
        $crate::guest!(@ $run, Pv, $reason);
    };
    ($run:path, only_pvh = $reason:literal) => {
        $crate::guest!(@ $run, Pvh, $reason);
    };
    (@ $run:path $(, $only:ident, $reason:literal)?) => {
        async fn test_main() {
            let mut report = $crate::Report::default();
            $(
                if $crate::minios::guest_type() != $crate::minios::GuestType::$only {
                    report.skip($reason);
                    return report.finish();
                }
            )?
            $run(&mut report).await;
            report.finish();
        }
        $crate::minios::entry!(test_main);
    };
}
