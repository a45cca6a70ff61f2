// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests per second and bytes per second from dom0, by `fetch` at its prompt, in the machine's
//! time: no QEMU network, one switch.
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Row, load::LARGE};
use crate::{
    build::Profile,
    machine_files::MachineFiles,
    progress::Step,
    qemu::{Machine, Serial},
    ramdisk::Domain,
    session::Session,
    test::PROMPT,
    workspace::Workspace,
};

const PATIENCE: Duration = Duration::from_secs(120);
/// Enough to take a second or more.
const REQUESTS: u32 = 20_000;

pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    let folder = workspace.target_dir().join("run").join("bench");
    let domains = [Domain::of_app(workspace, "httpd")?];
    let address = domains.iter().find_map(|domain| domain.config().address());
    let base = format!("http://{}/bytes", address.context("httpd.cfg has no address")?);
    let files = MachineFiles::make(workspace, Profile::Image, &domains, &folder, false)?;
    let machine = Machine::new(files.boot(), Serial::Terminal);
    let mut session = Session::start(&machine, &folder.join("dom0-load.log"))?;
    session.wait_for(|line| line.contains("serving"), PATIENCE).context("httpd does not serve")?;
    let mut rows = Vec::new();
    for connections in [1, 32] {
        let name = super::requests(connections);
        let words = format!("-n {REQUESTS} -c {connections} {base}/1024");
        rows.push(Row::new(name, fetch(&mut session, &words, "requests/s")?, "requests/s"));
    }
    for (name, words) in
        [("down", format!("{base}/{LARGE}")), ("up", format!("--upload {LARGE} {base}"))]
    {
        rows.push(Row::new(name, fetch(&mut session, &words, "MB/s")?, "MB/s"));
    }
    Ok(rows)
}

/// Fetches, and returns the figure of this unit; none of the requests may fail.
fn fetch(session: &mut Session, words: &str, unit: &str) -> Result<f64> {
    let _step = Step::start(format!("fetch {words}"));
    let lines = session.command(PROMPT, &format!("fetch {words}"), PATIENCE)?;
    let line = lines.iter().find(|line| line.contains(" requests, "));
    let line = line.with_context(|| format!("fetch says: {}", lines.join("; ")))?;
    ensure!(line.contains(" 200 OK") && line.contains(", 0 failed"), "{line}");
    let figure = line.split(", ").find_map(|part| part.strip_suffix(unit));
    Ok(figure.with_context(|| format!("no {unit}: {line}"))?.trim().parse()?)
}
