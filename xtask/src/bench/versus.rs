// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask bench --vs xen`: the same guests on hv and on the real Xen, in the same emulator.
//!
//! Operations are counted in instructions. What takes time is measured on both in one go, and only
//! the ratio means something.
use std::fs;

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

use super::{Args, chosen, shown};
use crate::{
    setup::{self, Tool},
    workspace::Workspace,
};

mod domains;
mod operations;
mod service;
mod start_up;

/// What to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Other {
    /// Debian's Xen 4.17 with a Linux dom0
    Xen,
}

/// A row: the same on both.
struct Pair {
    name: String,
    hv: f64,
    xen: f64,
    /// Xen with its mitigations, where that was measured too.
    xen_defaults: Option<f64>,
}

/// A table of rows with one unit.
struct Table {
    /// What it measures, with the unit.
    title: &'static str,
    /// What the two columns are.
    hv: &'static str,
    xen: &'static str,
    rows: Vec<Pair>,
    /// What has to be known to read it.
    note: String,
}

type Measure = fn(&Workspace) -> Result<Table>;

const TABLES: [(&str, Measure); 4] = [
    ("operations", operations::measure),
    ("domains", domains::measure),
    ("start", start_up::measure),
    ("service", service::measure),
];

/// Measures, prints the tables as they are in the README, and writes the JSON.
pub(super) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let tables = chosen(&TABLES, args.filter.as_deref())?;
    setup::require(&Tool::XEN, args.consent)?;
    let (mut figures, mut failed) = (Map::new(), Vec::new());
    for (name, measure) in tables {
        match measure(workspace) {
            Ok(table) => {
                print(&table);
                for Pair { name: row, hv, xen, xen_defaults } in table.rows {
                    let figure = json!({ "hv": hv, "xen": xen, "xen, defaults": xen_defaults });
                    figures.insert(format!("{name}: {row}"), figure);
                }
            }
            Err(error) => {
                println!("FAILED  {name}: {error:#}");
                failed.push(name);
            }
        }
    }
    let path = args.json.clone().unwrap_or_else(|| workspace.target_dir().join("versus-xen.json"));
    fs::write(&path, serde_json::to_string_pretty(&Value::Object(figures))?)?;
    println!("\nJSON: {}", path.display());
    if !failed.is_empty() {
        bail!("these could not be measured: {}", failed.join(", "));
    }
    Ok(())
}

fn print(table: &Table) {
    let Table { title, hv, xen, rows, note } = table;
    let defaults = rows.iter().any(|row| row.xen_defaults.is_some());
    let (head, line) = if defaults { (" Xen, defaults |", "---|") } else { ("", "") };
    println!("\n| {title} | {hv} | {xen} | ratio |{head}\n|---|---|---|---|{line}");
    for Pair { name, hv, xen, xen_defaults } in rows {
        let ratio = hv / xen;
        let more = xen_defaults.map(|value| format!(" {} |", shown(value))).unwrap_or_default();
        println!("| {name} | {} | {} | {ratio:.2} |{more}", shown(*hv), shown(*xen));
    }
    println!("\n{note}");
}
