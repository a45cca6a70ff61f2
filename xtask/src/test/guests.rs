// SPDX-License-Identifier: MIT OR Apache-2.0
//! Test guests as domUs in all modes: a machine boots once for all modes that it has, and Bochs
//! runs beside QEMU.
use std::{path::PathBuf, thread};

use anyhow::{Context, Result, anyhow};

use super::{
    docs_table,
    domains::{self, BOOT, PROFILE, PROMPT, Run},
    guest,
    mode::{BEDS, Bed, Mode},
    page,
    tally::{Count, Tally},
    verdict::{Table, Verdict},
};
use crate::{
    machine::Emulated, machine_files::MachineFiles, ramdisk::Domain, session::Session,
    setup::Consent, workspace::Workspace,
};

/// Runs `names` in `modes`. Where Bochs cannot be had its modes are left out, unless they were
/// `asked` for.
pub(super) fn run(
    workspace: &Workspace,
    tally: &mut Tally,
    names: &[String],
    modes: &[Mode],
    asked: bool,
    consent: Consent,
) -> Result<Table> {
    let mut table = Table::default();
    let mut beds = Vec::new();
    let guests: Vec<String> = names.iter().filter(|name| *name != page::NAME).cloned().collect();
    let mut domains = domains::with_partners(workspace, &guests)?;
    if guests.len() < names.len() {
        domains.push(Domain::of_app(workspace, page::NAME)?);
    }
    for bed in BEDS {
        let modes: Vec<Mode> = modes.iter().copied().filter(|mode| mode.bed() == bed).collect();
        if modes.is_empty() {
            continue;
        }
        match Prepared::new(workspace, bed, &modes, &domains, consent) {
            Ok(prepared) => beds.push(prepared),
            Err(error) if bed.is_bochs() && !asked => {
                tally.begin(&format!("guests as domUs, {}", bed.name()));
                tally.skip("all", &format!("{error:#}"));
                modes.iter().for_each(|mode| table.set_not_run(*mode, &format!("{error:#}")));
            }
            Err(error) => return Err(error),
        }
    }
    let (beside, beds): (Vec<_>, Vec<_>) = beds.into_iter().partition(|it| it.bed.is_bochs());
    thread::scope(|scope| {
        let beside = scope.spawn(move || collect(&beside, names));
        for bed in beds {
            bed.run(names, &mut |it| report(workspace, tally, &mut table, it));
        }
        let reports = beside.join().map_err(|_| anyhow!("a panic beside QEMU"))?;
        reports.into_iter().for_each(|it| report(workspace, tally, &mut table, it));
        Ok(table)
    })
}

type Rows = Vec<(String, String)>;

/// Something to report.
enum Report {
    /// What follows is of this mode.
    Mode(Mode),
    /// A guest, what came of it, and its table of results.
    Guest(Mode, String, Verdict, Rows),
}

fn collect(beds: &[Prepared], names: &[String]) -> Vec<Report> {
    let mut reports = Vec::new();
    beds.iter().for_each(|bed| bed.run(names, &mut |report| reports.push(report)));
    reports
}

fn report(workspace: &Workspace, tally: &mut Tally, table: &mut Table, report: Report) {
    match report {
        Report::Mode(mode) => tally.begin(&format!("guests as domUs, {}", mode.name())),
        Report::Guest(mode, name, verdict, rows) => {
            // The first guest has told why.
            if table.lacks(mode) {
                tally.add(Count { failed: 1, ..Count::default() });
            } else {
                tally.guest(&name, &verdict);
            }
            if name == docs_table::GUEST
                && verdict == Verdict::Passed
                && let Some(column) = docs_table::column(mode)
            {
                tally.run(&format!("its table in the docs, {column}"), || {
                    docs_table::check(workspace, column, &rows)
                });
            }
            table.set(&name, mode, verdict);
        }
    }
}

/// A machine that is ready to boot.
struct Prepared {
    bed: Bed,
    modes: Vec<Mode>,
    machine: Box<dyn Emulated>,
    folder: PathBuf,
    /// What httpd's page contains.
    page: String,
}

impl Prepared {
    fn new(
        workspace: &Workspace,
        bed: Bed,
        modes: &[Mode],
        domains: &[Domain],
        consent: Consent,
    ) -> Result<Self> {
        let folder = workspace.target_dir().join("run").join("test").join(bed.name());
        bed.require(consent)?;
        let in_mode =
            |mode: &Mode| domains.iter().map(|it| mode.apply(it.clone())).collect::<Vec<_>>();
        let domains: Vec<Domain> = modes.iter().flat_map(in_mode).collect();
        let files = MachineFiles::make(workspace, PROFILE, &domains, &folder, false)?;
        let machine = bed.machine(workspace, &files, &folder)?;
        Ok(Self { bed, modes: modes.to_vec(), machine, folder, page: page::text(workspace)? })
    }

    /// Runs all guests in all modes. Where the machine itself ends, the guest has failed, and
    /// another machine takes the rest.
    fn run(&self, names: &[String], report: &mut dyn FnMut(Report)) {
        let mut machines = Machines { prepared: self, count: 0, running: None };
        for &mode in &self.modes {
            report(Report::Mode(mode));
            // What the first guest is refused for, the others would be too.
            let mut missing = None;
            for name in names {
                let (verdict, rows) = match (mode.cannot_judge(name), &missing) {
                    (_, Some(why)) => (Verdict::NotAvailable(String::clone(why)), Rows::new()),
                    (Some(why), None) => (Verdict::Skipped(why.to_owned()), Rows::new()),
                    (None, None) => machines.judge(mode, name),
                };
                if let Verdict::NotAvailable(why) = &verdict {
                    missing = Some(why.clone());
                }
                report(Report::Guest(mode, name.clone(), verdict, rows));
            }
        }
    }
}

/// A machine, and the next one where it has ended.
struct Machines<'a> {
    prepared: &'a Prepared,
    count: usize,
    running: Option<Session>,
}

impl Machines<'_> {
    /// Runs a guest; says what came of it, and its table of results.
    fn judge(&mut self, mode: Mode, name: &str) -> (Verdict, Rows) {
        let result = self.try_judge(mode, name);
        result.unwrap_or_else(|error| {
            self.running = None;
            let why = format!("{error:#} (see {})", self.log().display());
            (Verdict::Failed(why), Rows::new())
        })
    }

    fn try_judge(&mut self, mode: Mode, name: &str) -> Result<(Verdict, Rows)> {
        if self.running.is_none() {
            self.count += 1;
            let session = Session::at_prompt(&*self.prepared.machine, &self.log(), PROMPT, BOOT)?;
            self.running = Some(session);
        }
        let session = self.running.as_mut().context("no machine")?;
        let folder = format!("{}/", mode.name());
        let (verdict, rows) = if name == page::NAME {
            (page::run(session, &folder, &self.prepared.page)?, Rows::new())
        } else {
            match domains::run_one(session, &folder, name)? {
                Run::Refused(why) => (Verdict::NotAvailable(why), Rows::new()),
                Run::Ended(outcome) => (guest::verdict(name, &outcome), outcome.rows),
            }
        };
        domains::audit(session).context("the audit afterwards")?;
        Ok((verdict, rows))
    }

    fn log(&self) -> PathBuf {
        self.prepared.folder.join(format!("console-{}.log", self.count))
    }
}
