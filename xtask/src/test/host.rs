// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests that run on the host: `cargo test` of the pure crates and of xtask, and the examples in
//! the documentation of minios, which are only compiled.
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use super::tally::{Count, Tally};
use crate::workspace::Workspace;

/// What cargo is started with, one after the other.
const RUNS: [&[&str]; 2] = [&["test", "--no-fail-fast"], &["test", "--doc", "--package", "minios"]];

pub(super) fn run(workspace: &Workspace, tally: &mut Tally) -> Result<()> {
    tally.begin("host");
    let mut sum = Count::default();
    for arguments in RUNS {
        cargo_test(workspace, arguments, &mut sum, tally)?;
    }
    println!("{} tests of the host passed", sum.passed);
    tally.add(sum);
    Ok(())
}

/// Adds the tests of one run to `sum`.
fn cargo_test(
    workspace: &Workspace,
    arguments: &[&str],
    sum: &mut Count,
    tally: &mut Tally,
) -> Result<()> {
    let mut command: Command = workspace.cargo().args(arguments).into();
    let mut child = command
        .current_dir(workspace.root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo does not start")?;
    let output = child.stdout.take().context("no pipe from cargo")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        if let Some(count) = result_line(&line) {
            sum.passed += count.passed;
            sum.failed += count.failed;
            sum.skipped += count.skipped;
        } else if is_worth_showing(&line) {
            println!("{line}");
        }
    }
    if !child.wait()?.success() && sum.failed == 0 {
        tally.fail("cargo test", "the build failed, as the compiler says above");
    }
    Ok(())
}

/// Lines about what is wrong; the rest is hundreds of tests that are well.
fn is_worth_showing(line: &str) -> bool {
    let well = line.starts_with("test ")
        && (line.ends_with("... ok") || line.contains("- should panic ... ok"));
    !well && !line.trim().is_empty() && !line.starts_with("running ")
}

/// Reads `test result: ok. 12 passed; 0 failed; 1 ignored; ...`.
fn result_line(line: &str) -> Option<Count> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |what: &str| {
        let part = counts.split("; ").find_map(|part| part.strip_suffix(what))?;
        part.trim().parse().ok()
    };
    Some(Count {
        passed: number(" passed")?,
        failed: number(" failed")?,
        skipped: number(" ignored")?,
    })
}

#[cfg(test)]
mod tests {
    use super::result_line;

    #[test]
    fn reads_what_cargo_says() {
        let line =
            "test result: FAILED. 14 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out";
        let count = result_line(line).unwrap();
        assert_eq!((count.passed, count.failed, count.skipped), (14, 2, 1));
        assert!(result_line("test build::tests::ok ... ok").is_none());
    }
}
