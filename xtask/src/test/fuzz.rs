// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exits by chance: PVH domains whose guests do what leaves a guest, by a seed each, until they have
//! ended themselves. Whatever they do, hv goes on, its audit finds nothing, and dom0 beside them
//! answers.
use std::thread;

use anyhow::{Result, anyhow, bail};

use super::{
    domains::PROFILE,
    guest,
    mode::{BEDS, Mode},
    tally::Tally,
};
use crate::{build, setup::Consent, workspace::Workspace};

mod life;
mod machine;

/// How many exits a run of all tests has in each mode: about a minute, Bochs beside QEMU.
const SHARES: [(Mode, u64); 4] = [
    (Mode::PvhSvmNpt, 50_000),
    (Mode::PvhSvmShadow, 50_000),
    (Mode::PvhVmxEpt, 15_000),
    (Mode::PvhVmxShadow, 15_000),
];
/// Machines that end unasked, and no more are started.
const FAILURES_MAX: usize = 5;

/// How much.
#[derive(Clone, Copy, clap::Args)]
pub(super) struct Amount {
    /// Fuzzed exits in each mode (--kind fuzz): domains are made until there were so many [default:
    /// what takes a minute]
    #[arg(long, value_name = "N")]
    exits: Option<u64>,
    /// Seed of the first domain by chance; the others follow it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
}

/// Lets domains run in `modes`, or in the usual ones, until there were so many exits in each. Where
/// Bochs cannot be had its modes are left out, unless they were asked for.
pub(super) fn run(
    workspace: &Workspace,
    tally: &mut Tally,
    modes: &[Mode],
    amount: Amount,
    consent: Consent,
) -> Result<()> {
    tally.begin("exits by chance");
    let mut fuzzes = Vec::new();
    for (mode, share) in chosen(modes)? {
        match mode.bed().require(consent) {
            Ok(()) => fuzzes.push(Fuzz::new(mode, amount.exits.unwrap_or(share), amount.seed)),
            Err(error) if modes.is_empty() => tally.skip(mode.name(), &format!("{error:#}")),
            Err(error) => return Err(error),
        }
    }
    build::images(workspace, PROFILE, &["hv", "dom0", guest::PACKAGE])?;
    let (mut beside, mut fuzzes): (Vec<_>, Vec<_>) =
        fuzzes.into_iter().partition(|it| it.mode.bed().is_bochs());
    thread::scope(|scope| {
        let thread = scope.spawn(|| -> Result<()> {
            // A shell is of one thread.
            let workspace = Workspace::find()?;
            beside.iter_mut().for_each(|it| it.run(&workspace));
            Ok(())
        });
        for fuzz in &mut fuzzes {
            fuzz.run(workspace);
            fuzz.report(tally);
        }
        thread.join().map_err(|_| anyhow!("a panic beside QEMU"))?
    })?;
    beside.iter().for_each(|it| it.report(tally));
    let total: u64 = fuzzes.iter().chain(&beside).map(|it| it.exits).sum();
    println!("        {total} exits in all");
    Ok(())
}

/// The modes, with the exits that each has if nobody says how many.
fn chosen(modes: &[Mode]) -> Result<Vec<(Mode, u64)>> {
    if modes.is_empty() {
        return Ok(SHARES.to_vec());
    }
    let beds = BEDS.into_iter().flat_map(|bed| modes.iter().filter(move |mode| mode.bed() == bed));
    let few = SHARES.iter().map(|(_, share)| *share).min().unwrap_or(0);
    let with_share = |mode: &Mode| {
        let usual = SHARES.iter().find(|(other, _)| other == mode);
        if mode.is_pvh() {
            Ok((*mode, usual.map_or(few, |(_, share)| *share)))
        } else {
            bail!("{}: exits are a PVH guest's", mode.name())
        }
    };
    beds.map(with_share).collect()
}

/// One mode, and how far it is.
struct Fuzz {
    mode: Mode,
    /// How many exits there are to be.
    wanted: u64,
    first: u64,
    /// Of the next domain.
    seed: u64,
    exits: u64,
    failures: Vec<(u64, String)>,
}

impl Fuzz {
    const fn new(mode: Mode, wanted: u64, first: u64) -> Self {
        Self { mode, wanted, first, seed: first, exits: 0, failures: Vec::new() }
    }

    fn run(&mut self, workspace: &Workspace) {
        while self.exits < self.wanted && self.failures.len() < FAILURES_MAX {
            if let Err(error) = self.machine(workspace) {
                self.failures.push((self.seed, format!("{error:#}")));
                self.seed += 1;
            }
        }
    }

    fn report(&self, tally: &mut Tally) {
        let Self { mode, wanted, first, seed, exits, .. } = self;
        for (seed, why) in &self.failures {
            tally.fail(&format!("{}, seed {seed}", mode.name()), why);
        }
        let summary = format!("{}: {exits} exits, seeds {first} to {}", mode.name(), seed - 1);
        if self.failures.is_empty() {
            tally.pass(&summary);
        } else {
            println!("        {summary}");
        }
        let option = mode.name().to_lowercase();
        println!(
            "        more: cargo xtask test --kind fuzz --mode {option} --exits {wanted} --seed {seed}"
        );
    }
}
