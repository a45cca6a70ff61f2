// SPDX-License-Identifier: MIT OR Apache-2.0
//! Test guests as domUs: one machine runs them all, one after the other, as somebody at dom0's
//! prompt would.
use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{docs_table, guest, outcome::Outcome, tally::Tally};
use crate::{
    build::{self, Profile},
    machine_files::MachineFiles,
    progress::Step,
    qemu::{Machine, Serial},
    ramdisk::Domain,
    run::DomainType,
    session::Session,
    workspace::Workspace,
};

/// dom0's prompt.
pub(crate) const PROMPT: &str = "dom0> ";
pub(super) const PROFILE: Profile = Profile::ImageDebug;
/// How long the machine may take to boot, a guest to end, and dom0 to answer.
const BOOT: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `names` as domains of the given type on a machine with the processor `cpu`.
pub(super) fn run(
    workspace: &Workspace,
    tally: &mut Tally,
    names: &[String],
    cpu: &str,
    kind: DomainType,
) -> Result<()> {
    tally.begin(&format!("guests as {} domUs, {cpu}", kind.name()));
    each(workspace, names, cpu, kind, |name, outcome, audit| {
        guest::report(tally, name, &outcome);
        if name == docs_table::GUEST {
            let column = docs_table::column(kind);
            tally.run(&format!("its table in the docs, {column}"), || {
                docs_table::check(workspace, column, &outcome)
            });
        }
        if let Err(error) = audit {
            tally.fail(&format!("audit after {name}"), &format!("{error:#}"));
        }
    })
}

/// Runs `names` as domains of the given type on a machine with the processor `cpu`, and hands over
/// how each ended and what hv's audit found afterwards.
pub(super) fn each(
    workspace: &Workspace,
    names: &[String],
    cpu: &str,
    kind: DomainType,
    mut report: impl FnMut(&str, Outcome, Result<()>),
) -> Result<()> {
    let folder = workspace.target_dir().join("run").join("test");
    let domains = with_partners(workspace, names)?.into_iter();
    let domains: Vec<Domain> = domains.map(|domain| domain.with_type(kind.name())).collect();
    let files = MachineFiles::make(workspace, PROFILE, &domains, &folder, false)?;
    let mut machine = Machine::new(files.boot(), Serial::Terminal);
    cpu.clone_into(&mut machine.cpu);
    let mut session =
        Session::start(&machine, &folder.join(format!("domains-{cpu}-{}.log", kind.name())))?;
    session.wait_for_prompt(PROMPT, BOOT).context("dom0 does not come up")?;
    for name in names {
        let outcome = run_one(&mut session, name)?;
        report(name, outcome, audit(&mut session));
    }
    Ok(())
}

/// The domains of the guests `names` and of those that they need beside them; their images are
/// built.
pub(super) fn with_partners(workspace: &Workspace, names: &[String]) -> Result<Vec<Domain>> {
    build::images(workspace, PROFILE, &[guest::PACKAGE])?;
    let partners = names.iter().filter_map(|name| guest::partner(name));
    let names_and_partners = names.iter().map(String::as_str).chain(partners);
    names_and_partners.map(|name| domain(workspace, name)).collect()
}

/// Runs a guest, beside its partner if it has one.
fn run_one(session: &mut Session, name: &str) -> Result<Outcome> {
    let _step = Step::start(name);
    let Some(partner) = guest::partner(name) else { return run_alone(session, name) };
    session.type_line(&format!("create {partner}.cfg"))?;
    let outcome = run_alone(session, name);
    session.type_line(&format!("destroy {partner}"))?;
    session.wait_for(|line| tells_end(line, partner), PATIENCE)?;
    outcome
}

fn run_alone(session: &mut Session, name: &str) -> Result<Outcome> {
    session.type_line(&format!("create {name}.cfg"))?;
    let deadline = Instant::now() + PATIENCE;
    let outcome =
        Outcome::follow(session, &format!("[{name}] "), |line| tells_end(line, name), deadline);
    if outcome.saw_end {
        return Ok(outcome);
    }
    // A guest that has said its verdict powers off; one that hangs has to be destroyed.
    let is_end = |line: &str| tells_end(line, name);
    if session.wait_for(is_end, Duration::from_secs(2)).is_err() {
        session.type_line(&format!("destroy {name}"))?;
        session.wait_for(is_end, PATIENCE)?;
    }
    Ok(outcome)
}

/// Whether `line` is what dom0 says when the domain `name` has ended.
pub(super) fn tells_end(line: &str, name: &str) -> bool {
    let rest = line.split_once(&format!("{name} ")).map(|(_, rest)| rest.trim());
    let ends = ["has powered off", "reboots", "has crashed", "has suspended", "is destroyed"];
    rest.is_some_and(|rest| ends.contains(&rest))
}

/// Lets hv recount everything.
pub(super) fn audit(session: &mut Session) -> Result<()> {
    let lines = session.command(PROMPT, "audit", PATIENCE)?;
    ensure!(lines.iter().any(|line| line.contains("audit: ok")), "{}", lines.join("; "));
    Ok(())
}

/// The domain of the guest `name`: its own cfg, or the usual one.
pub(super) fn domain(workspace: &Workspace, name: &str) -> Result<Domain> {
    let guests = workspace.root().join("tests").join("guests");
    let path = guests.join(format!("{name}.cfg"));
    let text = if path.is_file() { fs::read_to_string(&path)? } else { usual_config(name) };
    Domain::new(path, text)
}

/// Its memory is no multiple of 2 MiB: most of it comes in large extents, the rest page by page.
fn usual_config(name: &str) -> String {
    format!(
        "name = \"{name}\"\nkernel = \"/boot/{name}\"\nmemory = 17\nvcpus = 1\n\
         on_poweroff = \"destroy\"\non_reboot = \"destroy\"\non_crash = \"destroy\"\n"
    )
}
