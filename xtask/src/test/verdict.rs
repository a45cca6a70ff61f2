// SPDX-License-Identifier: MIT OR Apache-2.0
//! What came of test guests, and the table of it: guest by guest, mode by mode.
use std::{collections::BTreeMap, fmt};

use super::mode::Mode;

/// What came of a guest in a mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    /// The test does not apply, for this reason.
    Skipped(String),
    Failed(String),
    /// dom0 refuses the mode, as it says, although the machine has it: that is a failure.
    NotAvailable(String),
}

/// All verdicts.
#[derive(Default)]
pub(super) struct Table {
    cells: BTreeMap<(String, Mode), Verdict>,
    /// Modes that were not tried at all, and why.
    not_run: BTreeMap<Mode, String>,
}

impl Table {
    pub(super) fn set(&mut self, guest: &str, mode: Mode, verdict: Verdict) {
        self.cells.insert((guest.to_owned(), mode), verdict);
    }

    /// Says why there is nothing about `mode`.
    pub(super) fn set_not_run(&mut self, mode: Mode, why: &str) {
        self.not_run.insert(mode, why.to_owned());
    }

    /// Whether `mode` is known not to be available.
    pub(super) fn lacks(&self, mode: Mode) -> bool {
        let is_it = |verdict: &Verdict| matches!(verdict, Verdict::NotAvailable(_));
        self.cells.iter().any(|((_, other), verdict)| *other == mode && is_it(verdict))
    }

    fn modes(&self) -> Vec<Mode> {
        let tried = self.cells.keys().map(|(_, mode)| *mode);
        let mut modes: Vec<Mode> = tried.chain(self.not_run.keys().copied()).collect();
        modes.sort_unstable();
        modes.dedup();
        modes
    }

    /// Why each mode that is not there is not.
    fn reasons(&self) -> BTreeMap<Mode, String> {
        let why = |(key, verdict): (&(String, Mode), &Verdict)| match verdict {
            Verdict::NotAvailable(why) => Some((key.1, format!("not available: {why}"))),
            _ => None,
        };
        let missing = self.cells.iter().filter_map(why);
        let not_run = self.not_run.iter().map(|(mode, why)| (*mode, format!("not run: {why}")));
        missing.chain(not_run).collect()
    }

    /// Why guests skipped or failed: guest and reason, and the modes where it is so.
    fn remarks(&self) -> BTreeMap<(&str, &str), Vec<&'static str>> {
        let mut remarks: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for ((guest, mode), verdict) in &self.cells {
            if let Verdict::Skipped(why) | Verdict::Failed(why) = verdict {
                remarks.entry((guest.as_str(), why.as_str())).or_default().push(mode.name());
            }
        }
        remarks
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAME: &str = "guest";
        let mut guests: Vec<&str> = self.cells.keys().map(|(guest, _)| guest.as_str()).collect();
        guests.dedup();
        let width = guests.iter().chain([&NAME]).map(|name| name.len()).max().unwrap_or(0);
        write!(f, "{NAME:width$}")?;
        let modes = self.modes();
        for mode in &modes {
            write!(f, "  {:1$}", mode.name(), width_of(*mode))?;
        }
        writeln!(f)?;
        for guest in guests {
            let mut line = format!("{guest:width$}");
            for mode in &modes {
                let mark = mark(self.cells.get(&(guest.to_owned(), *mode)));
                line += &format!("  {mark:0$}", width_of(*mode));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        for (mode, why) in self.reasons() {
            writeln!(f, "{} {why}", mode.name())?;
        }
        for ((guest, why), modes) in self.remarks() {
            writeln!(f, "{guest}, {}: {why}", modes.join(", "))?;
        }
        Ok(())
    }
}

fn width_of(mode: Mode) -> usize {
    mode.name().len().max("pass".len())
}

fn mark(verdict: Option<&Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Passed) => "pass",
        Some(Verdict::Skipped(_)) => "skip",
        Some(Verdict::Failed(_)) => "FAIL",
        Some(Verdict::NotAvailable(_)) | None => "-",
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode, Table, Verdict};

    #[test]
    fn a_row_a_guest_and_a_column_a_mode() {
        let mut table = Table::default();
        table.set("traps", Mode::Pv, Verdict::Passed);
        table.set("traps", Mode::PvhSvmNpt, Verdict::Skipped("PV only".into()));
        table.set("traps", Mode::PvhVmxEpt, Verdict::Skipped("PV only".into()));
        table.set("grants", Mode::Pv, Verdict::Failed("x".into()));
        table.set("grants", Mode::PvhVmxShadow, Verdict::NotAvailable("no shadow".into()));
        table.set_not_run(Mode::PvBochs, "no Bochs");
        let wanted = "\
guest   PV    PVH-SVM-NPT  PV-Bochs  PVH-VMX-EPT  PVH-VMX-shadow
grants  FAIL  -            -         -            -
traps   pass  skip         -         skip         -
PV-Bochs not run: no Bochs
PVH-VMX-shadow not available: no shadow
grants, PV: x
traps, PVH-SVM-NPT, PVH-VMX-EPT: PV only
";
        assert_eq!(table.to_string(), wanted);
    }
}
