// SPDX-License-Identifier: MIT OR Apache-2.0
//! The three kinds of memory virtualization, by the same guest in each: direct paging for PV,
//! second-level tables (nested paging) and shadow paging for PVH.
//!
//! Counted instructions do not show what the processor does to walk tables. So the loop that misses
//! the TLB is measured in time too, each kind as a multiple of direct paging in the same run: QEMU
//! walks tables step by step, as a processor does.
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Row, domains};
use crate::{
    machine_files::MachineFiles,
    progress::Step,
    qemu::{Machine, Serial},
    ramdisk::Domain,
    session::Session,
    test::{PROMPT, outcome::Outcome},
    workspace::Workspace,
};

const GUEST: &str = "paging_bench";
const PATIENCE: Duration = Duration::from_secs(60);
/// Each kind, and what makes a domain so.
const KINDS: [(&str, &str); 3] = [
    ("direct", ""),
    ("nested", "type = \"pvh\"\npaging = \"nested\"\n"),
    ("shadow", "type = \"pvh\"\npaging = \"shadow\"\n"),
];
/// What is measured in time too.
const IN_TIME: &str = "512 pages touched after a flush";

pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (kind, outcome) in run(workspace, Some(0))? {
        for (name, value) in &outcome.figures {
            let value = value.parse().with_context(|| format!("{name}: {value}"))?;
            rows.push(Row::new(format!("{name}, {kind}"), value, "instructions"));
        }
    }
    let mut direct = None;
    for (kind, outcome) in run(workspace, None)? {
        let ticks = outcome.figures.iter().find(|(name, _)| name == IN_TIME);
        let ticks: f64 = ticks.context("a figure is missing")?.1.parse()?;
        let base = *direct.get_or_insert(ticks);
        rows.push(Row::new(format!("{IN_TIME}, time, {kind}"), ticks / base, "x direct"));
    }
    Ok(rows)
}

/// What the guest says in each kind, with instructions as the clock or not.
fn run(workspace: &Workspace, counted: Option<u32>) -> Result<Vec<(&'static str, Outcome)>> {
    let domain = |(name, rest): &(&str, &str)| {
        let text = format!("name = \"{name}\"\nkernel = \"/boot/{GUEST}\"\nmemory = 17\n{rest}");
        Domain::new(format!("{name}.cfg").into(), text)
    };
    let all = KINDS.iter().map(domain).collect::<Result<Vec<Domain>>>()?;
    let folder = workspace.target_dir().join("run").join("bench");
    let files = MachineFiles::make(workspace, domains::PROFILE, &all, &folder, false)?;
    let mut machine = Machine::new(files.boot(), Serial::Terminal);
    machine.counted = counted;
    let mut session = Session::at_prompt(&machine, &folder.join("paging.log"), PROMPT, PATIENCE)?;
    let mut outcomes = Vec::new();
    for (kind, _) in KINDS {
        let _step = Step::start(format!("{kind} paging"));
        session.type_line(&format!("create {kind}.cfg"))?;
        outcomes.push((kind, domains::follow(&mut session, kind)?));
    }
    Ok(outcomes)
}
