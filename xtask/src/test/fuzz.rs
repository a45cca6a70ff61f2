// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exits by chance: PVH domains whose guest `fuzz_exits` does what leaves a guest, by a seed each,
//! until it has ended itself. Whatever it does, hv goes on, its audit finds nothing, and dom0
//! beside it answers.
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{
    domains::{self, BOOT, PROFILE, PROMPT},
    guest,
    outcome::Outcome,
    tally::Tally,
};
use crate::{
    build,
    machine_files::MachineFiles,
    progress::Step,
    qemu::{Machine, Serial},
    ramdisk::CONFIGS,
    session::Session,
    workspace::Workspace,
};

const GUEST: &str = "fuzz_exits";
/// Domains that a machine has, one after the other.
const SEEDS: u64 = 200;
/// How long a domain may live; its own watchdog ends it much sooner.
const PATIENCE: Duration = Duration::from_secs(60);

/// Machines that end unasked, and no more are started.
const FAILURES_MAX: u32 = 5;

/// How much.
#[derive(Clone, Copy, clap::Args)]
pub(super) struct Amount {
    /// Fuzzed exits (--kind fuzz): domains are made until there were so many
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    exits: u64,
    /// Seed of the first fuzzed domain; the others follow it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Lets domains run until there were so many exits.
pub(super) fn run(workspace: &Workspace, tally: &mut Tally, amount: Amount) -> Result<()> {
    tally.begin("exits by chance, PVH-SVM-NPT");
    build::images(workspace, PROFILE, &[guest::PACKAGE])?;
    let mut fuzz = Fuzz { seed: amount.seed, exits: 0 };
    let mut failures = 0;
    while fuzz.exits < amount.exits && failures < FAILURES_MAX {
        if let Err(error) = fuzz.machine(workspace, amount.exits) {
            let seed = fuzz.seed;
            tally.fail(&format!("seed {seed}"), &format!("{error:#}"));
            fuzz.seed += 1;
            failures += 1;
        }
    }
    let Fuzz { seed, exits } = fuzz;
    let summary = format!("{exits} exits, seeds {} to {}", amount.seed, seed - 1);
    if failures == 0 {
        tally.pass(&summary)
    } else {
        println!("        {summary}")
    }
    Ok(())
}

/// How far it is.
struct Fuzz {
    /// Of the next domain.
    seed: u64,
    exits: u64,
}

impl Fuzz {
    /// Boots a machine, whose domains go on until there were `wanted` exits.
    fn machine(&mut self, workspace: &Workspace, wanted: u64) -> Result<()> {
        let folder = workspace.target_dir().join("run").join("test").join("fuzz");
        let first = self.seed;
        let seeds = first..first + SEEDS;
        let configs: Vec<(String, String)> = seeds.clone().map(config).collect();
        let configs: Vec<(&str, &[u8])> =
            configs.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
        let kernel = domains::domain(workspace, GUEST)?;
        let files =
            MachineFiles::make_with(workspace, PROFILE, &[kernel], &configs, &folder, false)?;
        let log = folder.join(format!("seed-{first}.log"));
        let mut session = Session::start(&Machine::new(files.boot(), Serial::Terminal), &log)?;
        session.wait_for_prompt(PROMPT, BOOT).context("dom0 does not come up")?;
        for seed in seeds {
            let _step = Step::start(format!("seed {seed}, {} exits so far", self.exits));
            self.exits += one(&mut session, seed).with_context(|| log.display().to_string())?;
            self.seed = seed + 1;
            if self.exits >= wanted {
                break;
            }
        }
        Ok(())
    }
}

/// Lets one domain live; its exits.
fn one(session: &mut Session, seed: u64) -> Result<u64> {
    session.type_line(&format!("create fuzz-{seed}.cfg"))?;
    let is_end = |line: &str| domains::tells_end(line, GUEST);
    let deadline = Instant::now() + PATIENCE;
    let outcome = Outcome::follow(session, &format!("[{GUEST}] "), is_end, deadline);
    if !outcome.saw_end {
        session.type_line(&format!("destroy {GUEST}"))?;
        session.wait_for(is_end, PATIENCE).context("it cannot be destroyed")?;
    }
    domains::audit(session).context("the audit afterwards")?;
    let last = outcome.figures.iter().rev().find(|(name, _)| name == "exits");
    Ok(last.and_then(|(_, exits)| exits.parse().ok()).unwrap_or(1))
}

/// A domain's cfg: where, and what.
fn config(seed: u64) -> (String, String) {
    let text = format!(
        "name = \"{GUEST}\"\nkernel = \"/boot/{GUEST}\"\nmemory = 17\ntype = \"pvh\"\n\
         extra = \"seed={seed}\"\n\
         on_poweroff = \"destroy\"\non_reboot = \"destroy\"\non_crash = \"destroy\"\n"
    );
    (format!("{CONFIGS}/fuzz-{seed}.cfg"), text)
}
