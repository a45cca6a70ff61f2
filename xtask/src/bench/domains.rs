// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions that several domains take together: an event and its answer, a switch between
//! vCPUs, a GET over dom0's switch. All that the machine executes is counted: hv, dom0 and both
//! domUs; it never idles meanwhile.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Row;
use crate::{
    build::{self, Profile},
    machine_files::MachineFiles,
    progress::Step,
    qemu::{Machine, Serial},
    ramdisk::Domain,
    session::Session,
    test::{
        PROMPT, guest,
        outcome::{End, Outcome},
    },
    workspace::Workspace,
};

pub(super) const PROFILE: Profile = Profile::Image;
const PATIENCE: Duration = Duration::from_secs(180);
/// Figures: what is created first, and the guest that measures.
pub(super) const PAIRS: [(&str, &str); 3] =
    [("pong", "ping"), ("yielder", "yielder-2"), ("httpd", "bench_client")];

/// All domains of [`PAIRS`].
pub(super) fn domains() -> Result<Vec<Domain>> {
    Ok(vec![
        domain("pong", "pong", "")?,
        domain("ping", "ping", "")?,
        domain("yielder", "yielder", "")?,
        domain("yielder-2", "yielder", "")?,
        domain(
            "httpd",
            "httpd",
            "ramdisk = \"/boot/httpd.cpio\"\nextra = \"ip=10.0.2.16/24\"\nvif = [\"\"]\n",
        )?,
        domain("bench_client", "bench_client", "extra = \"ip=10.0.2.18/24\"\nvif = [\"\"]\n")?,
    ])
}

pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    build::images(workspace, PROFILE, &[guest::PACKAGE])?;
    let folder = workspace.target_dir().join("run").join("bench");
    let files = MachineFiles::make(workspace, PROFILE, &domains()?, &folder, false)?;
    let mut machine = Machine::new(files.boot(), Serial::Terminal);
    machine.counted = Some(0);
    let mut session = Session::start(&machine, &folder.join("domains.log"))?;
    session.wait_for_prompt(PROMPT, PATIENCE).context("dom0 does not come up")?;
    let mut rows = Vec::new();
    for (partner, guest) in PAIRS {
        rows.extend(pair(&mut session, partner, guest)?);
    }
    Ok(rows)
}

fn pair(session: &mut Session, partner: &str, guest: &str) -> Result<Vec<Row>> {
    let _step = Step::start(format!("{guest}, beside {partner}"));
    session.type_line(&format!("create {partner}.cfg"))?;
    session.type_line(&format!("create {guest}.cfg"))?;
    let prefix = format!("[{guest}] ");
    let outcome = Outcome::follow(session, &prefix, |_| false, Instant::now() + PATIENCE);
    let end = outcome.end();
    ensure!(
        end == End::Success,
        "{guest}: {end:?}: {} {:?}",
        outcome.last_line,
        outcome.complaints
    );
    session.type_line(&format!("destroy {partner}"))?;
    let rows = outcome.figures.iter().map(|(name, value)| {
        let value = value.parse().with_context(|| format!("{name}: {value}"))?;
        Ok(Row::new(name, value, "instructions"))
    });
    rows.collect()
}

fn domain(name: &str, kernel: &str, rest: &str) -> Result<Domain> {
    let text = format!("name = \"{name}\"\nkernel = \"/boot/{kernel}\"\nmemory = 16\n{rest}");
    Domain::new(format!("{name}.cfg").into(), text)
}
