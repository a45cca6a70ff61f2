// SPDX-License-Identifier: MIT OR Apache-2.0
//! Kernels by chance: PVH domains whose kernel is an ELF file that nobody has written, a seed each. Each
//! is refused with a sentence, ends itself, or is destroyed. hv's audit finds nothing afterwards, all
//! memory is free again, and dom0 answers.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::{
    domains::{self, BOOT, PATIENCE, PROFILE, PROMPT},
    mode::Mode,
    tally::Tally,
};
use crate::{
    build, machine_files::MachineFiles, progress::Step, ramdisk::CONFIGS, session::Session,
    setup::Consent, workspace::Workspace,
};

mod image;

/// How many kernels a run of all tests has in each mode: a few seconds each.
const SHARES: [(Mode, u64); 4] = [
    (Mode::PvhSvmNpt, 120),
    (Mode::PvhSvmShadow, 120),
    (Mode::PvhVmxEpt, 40),
    (Mode::PvhVmxShadow, 40),
];
/// Domains that are there at once.
const AT_ONCE: u64 = 20;
/// Kernels of one machine.
const OF_A_MACHINE: u64 = 1000;

/// Creates domains of `count` kernels, or of the usual number, from `seed` on; in `modes`, or in the
/// usual ones. Where Bochs cannot be had its modes are left out, unless they were asked for.
pub(super) fn run(
    workspace: &Workspace,
    tally: &mut Tally,
    modes: &[Mode],
    count: Option<u64>,
    seed: u64,
    consent: Consent,
) -> Result<()> {
    tally.begin("kernels by chance");
    build::images(workspace, PROFILE, &["hv", "dom0"])?;
    for (mode, share) in SHARES {
        if !modes.is_empty() && !modes.contains(&mode) {
            continue;
        }
        match mode.bed().require(consent) {
            Ok(()) => {}
            Err(error) if modes.is_empty() => {
                tally.skip(mode.name(), &format!("{error:#}"));
                continue;
            }
            Err(error) => return Err(error),
        }
        let end = seed + count.unwrap_or(share);
        let mut ends = Ends::default();
        let starts = (seed..end).step_by(usize::try_from(OF_A_MACHINE)?);
        let mut seeds = starts.map(|first| first..end.min(first + OF_A_MACHINE));
        match seeds.try_for_each(|seeds| ends.machine(workspace, mode, seeds)) {
            Ok(()) => tally.pass(&format!("{}: seeds {seed} to {}: {ends}", mode.name(), end - 1)),
            Err(error) => tally.fail(mode.name(), &format!("{error:#}")),
        }
    }
    Ok(())
}

/// How many domains ended how.
#[derive(Default)]
struct Ends {
    refused: u64,
    ended: u64,
    destroyed: u64,
}

impl std::fmt::Display for Ends {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { refused, ended, destroyed } = self;
        write!(f, "{refused} refused, {ended} ended themselves, {destroyed} destroyed")
    }
}

impl Ends {
    /// Boots a machine, which creates the domains of `seeds`.
    fn machine(
        &mut self,
        workspace: &Workspace,
        mode: Mode,
        seeds: std::ops::Range<u64>,
    ) -> Result<()> {
        let folder = workspace.target_dir().join("run").join("test").join("kernels");
        let folder = folder.join(mode.name());
        let files: Vec<(String, Vec<u8>)> =
            seeds.clone().flat_map(|seed| files(mode, seed)).collect();
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        let files = MachineFiles::make_with(workspace, PROFILE, &[], &files, &folder, false)?;
        let machine = mode.bed().machine(workspace, &files, &folder)?;
        let log = folder.join(format!("seed-{}.log", seeds.start));
        let mut session = Session::at_prompt(&*machine, &log, PROMPT, BOOT)?;
        let free = free_memory(&mut session)?;
        for first in seeds.clone().step_by(usize::try_from(AT_ONCE)?) {
            let batch = first..seeds.end.min(first + AT_ONCE);
            let _step = Step::start(format!("{}, kernels {batch:?}", mode.name()));
            let result = self.batch(&mut session, batch.clone(), &free);
            result.with_context(|| format!("kernels {batch:?}, {}", log.display()))?;
        }
        Ok(())
    }

    /// Creates the domains of `seeds`, and destroys after a second those that are still there.
    fn batch(
        &mut self,
        session: &mut Session,
        seeds: std::ops::Range<u64>,
        free: &str,
    ) -> Result<()> {
        for seed in seeds.clone() {
            let name = name(seed);
            // hv may report the end of another one in the midst of the echo, which nobody waits for.
            session.type_line(&format!("create {name}.cfg"))?;
            let is_refused = |line: &str| domains::refused(line, "", &name).is_some();
            let starts = format!(" {name} starts as domain ");
            let is_answer = |line: &str| is_refused(line) || line.contains(&starts);
            let is_refused = is_refused(&session.wait_for(is_answer, PATIENCE)?);
            *if is_refused { &mut self.refused } else { &mut self.ended } += 1;
        }
        session.type_line("top")?;
        session.wait_for(|line| line.starts_with("Domain-0") && line.ends_with('%'), PATIENCE)?;
        for seed in living(session, &seeds)? {
            session.type_line(&format!("destroy {}", name(seed)))?;
            self.ended -= 1;
            self.destroyed += 1;
        }
        let deadline = Instant::now() + PATIENCE;
        while !living(session, &seeds)?.is_empty() {
            if Instant::now() > deadline {
                bail!("a domain outlives its end");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        domains::audit(session).context("the audit afterwards")?;
        let now = free_memory(session)?;
        ensure!(now == free, "free before: {free}; afterwards: {now}");
        Ok(())
    }
}

/// Those of `seeds` whose domains dom0 lists.
fn living(session: &mut Session, seeds: &std::ops::Range<u64>) -> Result<Vec<u64>> {
    const ANSWER: Duration = Duration::from_secs(10);
    let ask = |session: &mut Session| session.command(PROMPT, "list", ANSWER);
    let lines = ask(session).or_else(|_| ask(session))?;
    let is_there = |seed: &u64| {
        let name = name(*seed);
        lines.iter().any(|line| line.split_whitespace().next() == Some(&name))
    };
    Ok(seeds.clone().filter(is_there).collect())
}

/// The line of `info` about memory.
fn free_memory(session: &mut Session) -> Result<String> {
    let lines = session.command(PROMPT, "info", PATIENCE)?;
    let line = lines.into_iter().find(|line| line.starts_with("memory") && line.contains("free"));
    line.context("info says nothing about free memory")
}

fn name(seed: u64) -> String {
    format!("kernel-{seed}")
}

/// A domain's cfg and its kernel: where, and what.
fn files(mode: Mode, seed: u64) -> [(String, Vec<u8>); 2] {
    let name = name(seed);
    let paging = if mode.is_shadowed() { "paging = \"shadow\"\n" } else { "" };
    let text = format!(
        "name = \"{name}\"\nkernel = \"/boot/{name}\"\nmemory = 4\ntype = \"pvh\"\n{paging}\
         on_poweroff = \"destroy\"\non_reboot = \"destroy\"\non_crash = \"destroy\"\n"
    );
    [
        (format!("{CONFIGS}/{name}.cfg"), text.into_bytes()),
        (format!("boot/{name}"), image::make(seed)),
    ]
}
