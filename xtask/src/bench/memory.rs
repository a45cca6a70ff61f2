// SPDX-License-Identifier: MIT OR Apache-2.0
//! What memory goes where, as dom0's prompt tells.
use std::time::Duration;

use anyhow::{Context, Result};

use super::Row;
use crate::{
    build::Profile,
    machine_files::MachineFiles,
    qemu::{Machine, Serial},
    ramdisk::Domain,
    session::Session,
    test::PROMPT,
    workspace::Workspace,
};

const PROFILE: Profile = Profile::Image;
const PATIENCE: Duration = Duration::from_secs(60);
/// Memory of the machine.
const MACHINE_KIB: f64 = 256.0 * 1024.0;
/// Memory of the idle domU, in MiB: what its kernel and start tables just fit into.
const IDLE_MIB: u32 = 4;

pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    let idle = format!("name = \"idle\"\nkernel = \"/boot/pong\"\nmemory = {IDLE_MIB}\n");
    let domains = [Domain::new("idle.cfg".into(), idle)?];
    let folder = workspace.target_dir().join("run").join("bench");
    let files = MachineFiles::make(workspace, PROFILE, &domains, &folder, false)?;
    let machine = Machine::new(files.boot(), Serial::Terminal);
    let mut session = Session::at_prompt(&machine, &folder.join("memory.log"), PROMPT, PATIENCE)?;
    let (before, dom0) = (free_kib(&mut session)?, dom0_kib(&mut session)?);
    let mut rows = vec![
        Row::new("hv, with its tables for 256 MiB", MACHINE_KIB - dom0 - before, "KiB"),
        Row::new("dom0's heap in use", word(&mut session, "dom0's heap", 2)?, "KiB"),
    ];
    session.type_line("create idle.cfg")?;
    session.wait_for(|line| line.contains("waiting for domain"), PATIENCE)?;
    rows.push(Row::new("an idle domU, with hv's part", before - free_kib(&mut session)?, "KiB"));
    Ok(rows)
}

fn free_kib(session: &mut Session) -> Result<f64> {
    word(session, "memory", 1)
}

/// dom0's row of `list`: name, id, memory.
fn dom0_kib(session: &mut Session) -> Result<f64> {
    let lines = session.command(PROMPT, "list", PATIENCE)?;
    let line = lines.iter().find(|line| line.starts_with("Domain-0"));
    let memory = line.and_then(|line| line.split_whitespace().nth(2)?.strip_suffix("MiB"));
    Ok(memory.context("list says nothing of dom0's memory")?.parse::<f64>()? * 1024.0)
}

/// The word number `at` of the line of `info` that begins with `key`.
fn word(session: &mut Session, key: &str, at: usize) -> Result<f64> {
    let lines = session.command(PROMPT, "info", PATIENCE)?;
    let line = lines.iter().find(|line| line.starts_with(key));
    let word = line.and_then(|line| line.split_whitespace().nth(at));
    Ok(word.with_context(|| format!("info says nothing of {key}"))?.parse()?)
}
