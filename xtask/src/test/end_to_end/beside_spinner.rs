// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a domain that never gives the processor up leaves to httpd.
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::{
    build::Profile,
    machine_files::MachineFiles,
    qemu::{Machine, Serial},
    ramdisk::Domain,
    session::Session,
    test::PROMPT,
    workspace::Workspace,
};

const PATIENCE: Duration = Duration::from_secs(120);
const ROUNDS: usize = 3;
const FETCH: &str = "fetch -n 2000 -c 8 http://10.0.2.16/bytes/1024";
/// The share of its requests per second that httpd keeps at least.
const KEPT: f64 = 0.4;

/// httpd's requests per second, alone and beside a spinner in turn, on a machine whose clock
/// counts instructions: the host's load changes nothing.
pub(super) fn share_of_requests(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target_dir().join("run").join("test");
    let spinner = "name = \"spinner\"\nkernel = \"/boot/spinner\"\nmemory = 8\n";
    let domains = [
        Domain::of_app(workspace, "httpd")?,
        Domain::new("spinner.cfg".into(), spinner.to_owned())?,
    ];
    let files = MachineFiles::make(workspace, Profile::Image, &domains, &folder, false)?;
    let mut machine = Machine::new(files.boot(), Serial::Terminal);
    machine.counted = Some(0);
    let mut session = Session::start(&machine, &folder.join("beside-spinner.log"))?;
    session.wait_for(|line| line.contains("serving"), PATIENCE).context("httpd does not serve")?;
    session.command(PROMPT, "create spinner.cfg", PATIENCE)?;
    let (mut alone, mut beside) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        session.command(PROMPT, "pause spinner", PATIENCE)?;
        alone += requests_per_second(&mut session)?;
        session.command(PROMPT, "unpause spinner", PATIENCE)?;
        beside += requests_per_second(&mut session)?;
    }
    let kept = beside / alone;
    println!("        {:.0} % of its requests/s", kept * 100.0);
    ensure!(kept >= KEPT, "{beside} requests/s instead of {alone}, in {ROUNDS} rounds");
    Ok(())
}

fn requests_per_second(session: &mut Session) -> Result<f64> {
    let lines = session.command(PROMPT, FETCH, PATIENCE)?;
    let line = lines.iter().find(|line| line.contains(", 0 failed, ")).context("failures")?;
    let rate = line.split(", ").find_map(|part| part.strip_suffix(" requests/s"));
    Ok(rate.with_context(|| format!("no rate: {line}"))?.parse()?)
}
