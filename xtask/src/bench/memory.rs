// SPDX-License-Identifier: MIT OR Apache-2.0
//! What memory goes where, and how fast dom0 itself downloads from a domU: as dom0's prompt tells.
use std::{fs, time::Duration};

use anyhow::{Context, Result};

use super::Row;
use crate::{
    build::{self, Profile},
    machine_files::MachineFiles,
    qemu::{Machine, Serial},
    ramdisk::Domain,
    session::Session,
    test::{PROMPT, guest},
    workspace::Workspace,
};

const PROFILE: Profile = Profile::Image;
const PATIENCE: Duration = Duration::from_secs(60);
/// Memory of the machine and of dom0, in KiB.
const MACHINE_KIB: f64 = 256.0 * 1024.0;
const DOM0_KIB: f64 = 64.0 * 1024.0;
/// Memory of the idle domU, in MiB: what its kernel and start tables just fit into.
const IDLE_MIB: u32 = 4;

pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    build::images(workspace, PROFILE, &[guest::PACKAGE])?;
    let idle = format!("name = \"idle\"\nkernel = \"/boot/pong\"\nmemory = {IDLE_MIB}\n");
    let httpd = workspace.root().join("apps").join("httpd").join("httpd.cfg");
    let text = fs::read_to_string(&httpd).with_context(|| httpd.display().to_string())?;
    let domains = [Domain::new("idle.cfg".into(), idle)?, Domain::new(httpd, text)?];
    let folder = workspace.target_dir().join("run").join("bench");
    let files = MachineFiles::make(workspace, PROFILE, &domains, &folder, false)?;
    let machine = Machine::new(files.boot(), Serial::Terminal);
    let mut session = Session::start(&machine, &folder.join("memory.log"))?;
    session.wait_for_prompt(PROMPT, PATIENCE).context("dom0 does not come up")?;
    let before = free_kib(&mut session)?;
    let mut rows = vec![
        Row::new("hv, with its tables for 256 MiB", MACHINE_KIB - DOM0_KIB - before, "KiB"),
        Row::new("dom0's heap in use", word(&mut session, "dom0's heap", 2)?, "KiB"),
    ];
    session.type_line("create idle.cfg")?;
    session.wait_for(|line| line.contains("waiting for domain"), PATIENCE)?;
    rows.push(Row::new("an idle domU, with hv's part", before - free_kib(&mut session)?, "KiB"));
    session.command(PROMPT, "destroy idle", PATIENCE)?;
    session.type_line("create httpd.cfg")?;
    session.wait_for(|line| line.contains("serving"), PATIENCE).context("httpd does not serve")?;
    let fetched = session.command(PROMPT, "fetch http://10.0.2.16/bytes/67108864", PATIENCE)?;
    let rate = fetched.iter().find_map(|line| line.strip_suffix(" kB/s")?.rsplit(' ').next());
    let rate: f64 = rate.context("fetch says no rate")?.parse()?;
    rows.push(Row::new("down, from dom0", rate / 1e3, "MB/s"));
    Ok(rows)
}

fn free_kib(session: &mut Session) -> Result<f64> {
    word(session, "memory", 1)
}

/// The word number `at` of the line of `info` that begins with `key`.
fn word(session: &mut Session, key: &str, at: usize) -> Result<f64> {
    let lines = session.command(PROMPT, "info", PATIENCE)?;
    let line = lines.iter().find(|line| line.starts_with(key));
    let word = line.and_then(|line| line.split_whitespace().nth(at));
    Ok(word.with_context(|| format!("info says nothing of {key}"))?.parse()?)
}
