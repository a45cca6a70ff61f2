// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of critical instructions in ARCHITECTURE.md: the rows of the test guest of that name, a
//! column for each way to virtualize. Where a guest says otherwise than the table, the table is
//! written anew and the test fails, so that somebody looks at the difference.
use std::fs;

use anyhow::{Context, Result, ensure};

use super::mode::Mode;
use crate::workspace::Workspace;

/// The guest whose rows the table has.
pub(super) const GUEST: &str = "critical_instructions";
const DOCUMENT: &str = "ARCHITECTURE.md";
/// What stands around the table.
const BEGIN: &str = "<!-- made by `cargo xtask test critical_instructions` -->\n";
const END: &str = "<!-- end -->\n";

/// The column for a mode; the kind of paging makes no difference.
pub(super) fn column(mode: Mode) -> Option<&'static str> {
    match mode {
        Mode::Pv | Mode::PvQemu64 => Some("PV"),
        Mode::PvhSvmNpt => Some("AMD-V"),
        Mode::PvhVmxEpt => Some("VT-x"),
        Mode::PvhSvmShadow | Mode::PvhSvmBochs | Mode::PvBochs | Mode::PvhVmxShadow => None,
    }
}

/// Whether the table has what the guest said, in this column.
pub(super) fn check(workspace: &Workspace, column: &str, rows: &[(String, String)]) -> Result<()> {
    let path = workspace.root().join(DOCUMENT);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let (before, rest) = text.split_once(BEGIN).context("the table's first line is not there")?;
    let (old, after) = rest.split_once(END).context("the table's last line is not there")?;
    let mut table = Table::parse(old);
    table.set(column, rows);
    let new = table.text();
    if new != old {
        fs::write(&path, [before, BEGIN, &new, END, after].concat())?;
    }
    ensure!(new == old, "{DOCUMENT} had it otherwise; its table is new now, see `git diff`");
    Ok(())
}

/// A table: its columns' names, and rows as wide as those.
struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn parse(text: &str) -> Self {
        let mut lines = text.lines().map(|line| {
            let inner = line.trim().trim_matches('|');
            inner.split('|').map(|cell| cell.trim().to_owned()).collect()
        });
        let head = lines.next().unwrap_or_else(|| vec!["instruction".to_owned()]);
        Self { head, rows: lines.skip(1).collect() }
    }

    /// Makes `values` the column `name`: names of rows and what they say.
    fn set(&mut self, name: &str, values: &[(String, String)]) {
        let column = self.head.iter().position(|head| head == name).unwrap_or_else(|| {
            self.head.push(name.to_owned());
            self.head.len() - 1
        });
        for (name, value) in values {
            let row = self.rows.iter().position(|row| row.first() == Some(name));
            let row = row.unwrap_or_else(|| {
                self.rows.push(vec![name.clone()]);
                self.rows.len() - 1
            });
            let row = &mut self.rows[row];
            row.resize(self.head.len(), String::new());
            value.clone_into(&mut row[column]);
        }
    }

    fn text(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}|{}\n{rows}", line(&self.head), "---|".repeat(self.head.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    fn rows(rows: &[(&str, &str)]) -> Vec<(String, String)> {
        rows.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn columns_are_added_and_replaced() {
        let mut table = Table::parse("");
        table.set("PV", &rows(&[("SGDT", "1"), ("STR", "2")]));
        table.set("AMD-V", &rows(&[("SGDT", "3"), ("STR", "4")]));
        let text =
            "| instruction | PV | AMD-V |\n|---|---|---|\n| SGDT | 1 | 3 |\n| STR | 2 | 4 |\n";
        assert_eq!(table.text(), text);
        assert_eq!(Table::parse(text).text(), text);
        table.set("PV", &rows(&[("STR", "5")]));
        assert_eq!(table.text(), text.replace("| 2 |", "| 5 |"));
    }
}
