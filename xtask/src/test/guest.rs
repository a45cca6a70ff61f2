// SPDX-License-Identifier: MIT OR Apache-2.0
//! The test guests: what there is, and what is expected of each.
use anyhow::{Result, bail};

use super::{
    outcome::{End, Outcome},
    verdict::Verdict,
};
use crate::workspace::Workspace;

/// The package that has them.
pub(crate) const PACKAGE: &str = "test-guests";
/// Those that must crash, and what hv is to say of it: nothing where they report themselves.
const CRASHES: [(&str, Option<&str>); 4] = [
    ("bad_state", Some("the processor cannot enter its state")),
    ("crash", None),
    ("stack_overflow", None),
    ("task_switch", Some("it switched tasks, which is not emulated")),
];
/// Those that test nothing: company for others, and what `cargo xtask bench` measures with.
const NO_TESTS: [&str; 14] = [
    "alignment_checks",
    "bench",
    "bench_client",
    "debug_exceptions",
    "double_fault",
    "fuzz_exits",
    "fuzz_tables",
    "holder",
    "name_server",
    "nmi_handler",
    "paging_bench",
    "pong",
    "spinner",
    "yielder",
];
/// Tests that need another domain beside them, created before them.
const PARTNERS: [(&str, &str); 7] = [
    ("beside_alignment_checks", "alignment_checks"),
    ("beside_debug_exceptions", "debug_exceptions"),
    ("beside_holder", "holder"),
    ("beside_nmi_handler", "nmi_handler"),
    ("beside_spinner", "spinner"),
    ("ping", "pong"),
    ("resolver", "name_server"),
];

/// The guests whose names contain one of `names`; all where there are none.
pub(super) fn choose(workspace: &Workspace, names: &[String]) -> Result<Vec<String>> {
    let packages = workspace.packages()?;
    let all = packages.into_iter().find(|package| package.name == PACKAGE);
    let mut all = all.map(|package| package.bins).unwrap_or_default();
    all.retain(|name| !NO_TESTS.contains(&name.as_str()));
    all.sort();
    for name in names {
        if !all.contains(name) {
            bail!("there is no test guest `{name}`: choose from {}", all.join(", "));
        }
    }
    if !names.is_empty() {
        all.retain(|name| names.contains(name));
    }
    Ok(all)
}

/// The domain that the guest `name` needs beside it.
pub(super) fn partner(name: &str) -> Option<&'static str> {
    PARTNERS.iter().find(|(guest, _)| *guest == name).map(|&(_, partner)| partner)
}

/// How the guest `name` is to end.
pub(super) fn wanted(name: &str) -> End {
    if crash(name).is_some() { End::Crash } else { End::Success }
}

fn crash(name: &str) -> Option<Option<&'static str>> {
    CRASHES.iter().find(|(guest, _)| *guest == name).map(|&(_, why)| why)
}

/// What the end of the guest `name` means.
pub(super) fn verdict(name: &str, outcome: &Outcome) -> Verdict {
    let end = outcome.end();
    if end == wanted(name) {
        let why = crash(name).flatten();
        return if why.is_none_or(|why| outcome.crashed == why) {
            Verdict::Passed
        } else {
            Verdict::Failed(format!("hv says it crashed: {}", outcome.crashed))
        };
    }
    if end == End::Skip {
        return Verdict::Skipped(outcome.reason.clone());
    }
    let mut why = outcome.complaints.clone();
    if why.is_empty() {
        why.push(outcome.last_line.clone());
    }
    Verdict::Failed(format!("{end:?}: {}", why.join("; ")))
}
