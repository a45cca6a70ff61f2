// SPDX-License-Identifier: MIT OR Apache-2.0
//! Test guests as domUs: one machine runs them all, one after the other, as somebody at dom0's
//! prompt would.
use std::{
    cell::OnceCell,
    fs,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};

use super::{guest, mode::Mode, outcome::Outcome};
use crate::{
    build::Profile,
    machine_files::MachineFiles,
    progress::Step,
    qemu::{Machine, Serial},
    ramdisk::{CONFIGS, Domain},
    session::Session,
    workspace::Workspace,
};

/// dom0's prompt.
pub(crate) const PROMPT: &str = "dom0> ";
pub(super) const PROFILE: Profile = Profile::ImageDebug;
/// How long the machine may take to boot.
pub(super) const BOOT: Duration = Duration::from_secs(120);
/// How long a guest may take to end, and dom0 to answer; in Bochs and beside it.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Runs `names` in a mode on a machine of QEMU with the processor `cpu`, and says how each ended.
pub(super) fn each(
    workspace: &Workspace,
    names: &[String],
    mode: Mode,
    cpu: &str,
) -> Result<Vec<Outcome>> {
    let folder = workspace.target_dir().join("run").join("test");
    let domains: Vec<Domain> =
        with_partners(workspace, names)?.into_iter().map(|it| mode.apply(it)).collect();
    let files = MachineFiles::make(workspace, PROFILE, &domains, &folder, false)?;
    let mut machine = Machine::new(files.boot(), Serial::Terminal);
    cpu.clone_into(&mut machine.cpu);
    let log = folder.join(format!("domains-{}.log", mode.name()));
    let mut session = Session::at_prompt(&machine, &log, PROMPT, BOOT)?;
    let run = |name: &String| {
        let _step = Step::start(name);
        match run_one(&mut session, &format!("{}/", mode.name()), name)? {
            Run::Ended(outcome) => Ok(outcome),
            Run::Refused(why) => bail!(why),
        }
    };
    names.iter().map(run).collect()
}

/// The domains of the guests `names` and of those that they need beside them.
pub(super) fn with_partners(workspace: &Workspace, names: &[String]) -> Result<Vec<Domain>> {
    let partners = names.iter().filter_map(|name| guest::partner(name));
    let names_and_partners = names.iter().map(String::as_str).chain(partners);
    names_and_partners.map(|name| domain(workspace, name)).collect()
}

/// What came of a domain.
pub(super) enum Run {
    /// It ran.
    Ended(Outcome),
    /// dom0 could not create it, and said why.
    Refused(String),
}

/// Runs a guest, whose cfg is in dom0's `folder` (empty, or with a slash behind it), beside its
/// partner if it has one.
pub(super) fn run_one(session: &mut Session, folder: &str, name: &str) -> Result<Run> {
    let Some(partner) = guest::partner(name) else { return run_alone(session, folder, name) };
    session.type_line(&format!("create {folder}{partner}.cfg"))?;
    let run = run_alone(session, folder, name);
    if !matches!(run, Ok(Run::Refused(_))) {
        session.type_line(&format!("destroy {partner}"))?;
        session.wait_for(|line| tells_end(line, partner), PATIENCE)?;
    }
    run
}

fn run_alone(session: &mut Session, folder: &str, name: &str) -> Result<Run> {
    session.type_line(&format!("create {folder}{name}.cfg"))?;
    let deadline = Instant::now() + PATIENCE;
    let refusal = OnceCell::new();
    let is_end = |line: &str| match refused(line, folder, name) {
        Some(why) => refusal.set(why.to_owned()).is_ok(),
        None => tells_end(line, name),
    };
    let outcome = Outcome::follow(session, &format!("[{name}] "), is_end, deadline);
    if let Some(why) = refusal.into_inner() {
        return Ok(Run::Refused(why));
    }
    if outcome.saw_end {
        return Ok(Run::Ended(outcome));
    }
    // A guest that has said its verdict powers off; one that hangs has to be destroyed.
    let is_end = |line: &str| tells_end(line, name);
    if session.wait_for(is_end, Duration::from_secs(2)).is_err() {
        session.type_line(&format!("destroy {name}"))?;
        session.wait_for(is_end, PATIENCE)?;
    }
    Ok(Run::Ended(outcome))
}

/// Why dom0 does not create the domain, if `line` says so: dom0 begins with the file's name.
pub(super) fn refused<'a>(line: &'a str, folder: &str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(&format!("{CONFIGS}/{folder}{name}.cfg:"))?;
    // A line number may come first.
    Some(rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':').trim())
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

#[cfg(test)]
mod tests {
    use super::refused;

    #[test]
    fn a_refusal_begins_with_the_name_of_the_file() {
        let line = "etc/xen/PVH-X/traps.cfg: this machine has no such thing";
        assert_eq!(refused(line, "PVH-X/", "traps"), Some("this machine has no such thing"));
        let line = "etc/xen/traps.cfg:9: paging: unknown key";
        assert_eq!(refused(line, "", "traps"), Some("paging: unknown key"));
        assert_eq!(refused("[traps] verdict: Success", "", "traps"), None);
    }
}
