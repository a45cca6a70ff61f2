// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts tests by kind and says how each ended.
use std::time::Instant;

use anyhow::{Result, bail};

use super::verdict::Verdict;
use crate::progress::Step;

/// How many tests of a kind passed, failed and did not apply.
#[derive(Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

/// All tests so far.
#[derive(Default)]
pub(super) struct Tally {
    kinds: Vec<(String, Count)>,
}

impl Tally {
    /// Begins a kind of tests; what follows is counted under it.
    pub(super) fn begin(&mut self, kind: &str) {
        println!("== {kind}");
        self.kinds.push((kind.to_owned(), Count::default()));
    }

    /// Counts tests that somebody else has reported.
    pub(super) fn add(&mut self, more: Count) {
        let count = self.count();
        count.passed += more.passed;
        count.failed += more.failed;
        count.skipped += more.skipped;
    }

    /// Runs a test and reports it.
    pub(super) fn run(&mut self, name: &str, test: impl FnOnce() -> Result<()>) {
        let start = Instant::now();
        let step = Step::start(name);
        let result = test();
        drop(step);
        let seconds = start.elapsed().as_secs_f32();
        match result {
            Ok(()) => self.pass(&format!("{name} ({seconds:.1} s)")),
            Err(error) => self.fail(name, &format!("{error:#}")),
        }
    }

    /// Reports what came of the guest `name`.
    pub(super) fn guest(&mut self, name: &str, verdict: &Verdict) {
        match verdict {
            Verdict::Passed => self.pass(name),
            Verdict::Skipped(why) => self.skip(name, why),
            Verdict::NotAvailable(why) => self.fail(name, &format!("not available: {why}")),
            Verdict::Failed(why) => self.fail(name, why),
        }
    }

    pub(super) fn pass(&mut self, name: &str) {
        println!("ok      {name}");
        self.count().passed += 1;
    }

    pub(super) fn skip(&mut self, name: &str, why: &str) {
        println!("skipped {name}: {why}");
        self.count().skipped += 1;
    }

    pub(super) fn fail(&mut self, name: &str, why: &str) {
        println!("FAILED  {name}: {why}");
        self.count().failed += 1;
    }

    /// Prints the numbers of all kinds, and fails if a test did.
    pub(super) fn finish(&self) -> Result<()> {
        println!();
        let (mut passed, mut failed) = (0, 0);
        for (kind, count) in &self.kinds {
            let Count { passed: good, failed: bad, skipped } = count;
            println!("{kind}: {good} passed, {bad} failed, {skipped} skipped");
            passed += good;
            failed += bad;
        }
        println!("{passed} passed, {failed} failed");
        if failed > 0 {
            bail!("tests failed: the lines above that begin with FAILED say which");
        }
        Ok(())
    }

    fn count(&mut self) -> &mut Count {
        if self.kinds.is_empty() {
            self.kinds.push(("tests".to_owned(), Count::default()));
        }
        let last = self.kinds.len() - 1;
        &mut self.kinds[last].1
    }
}
