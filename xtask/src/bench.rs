// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask bench`: figures, as a table and as JSON.
use std::{fs, path::PathBuf};

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

use crate::{
    build::{self, Profile},
    setup::{self, Consent, Tool},
    workspace::Workspace,
};

mod domains;
mod image_bytes;
mod instructions;
mod load;
mod memory;
mod start_up;

/// Measure: start-up, requests per second, instructions per operation, sizes.
///
/// Instructions are counted by QEMU and are the same on every machine; what is measured in time is
/// not. Close everything else first.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to put the JSON [default: target/bench.json]
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only groups of figures whose names contain this
    filter: Option<String>,
    #[command(flatten)]
    consent: Consent,
}

/// A row of the table.
struct Row {
    name: String,
    value: f64,
    unit: &'static str,
}

impl Row {
    fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit }
    }
}

/// What measures a group of figures.
type Measure = fn(&Workspace) -> Result<Vec<Row>>;

const GROUPS: [(&str, Measure); 6] = [
    ("size", image_bytes::measure),
    ("instructions", instructions::measure),
    ("domains, instructions", domains::measure),
    ("memory, from dom0", memory::measure),
    ("start", start_up::measure),
    ("load", load::measure),
];

pub(crate) fn verb(workspace: &Workspace, args: &Args) -> Result<()> {
    setup::require(&[&[Tool::Qemu][..], &Tool::CLIENTS].concat(), args.consent)?;
    build::images(workspace, Profile::Image, &["hv", "dom0", "httpd", "echo", "hello", "bench"])?;
    let (mut figures, mut failed) = (Map::new(), Vec::new());
    for (group, measure) in GROUPS {
        if args.filter.as_ref().is_some_and(|filter| !group.contains(filter.as_str())) {
            continue;
        }
        println!("== {group}");
        let rows = measure(workspace).unwrap_or_else(|error| {
            println!("FAILED  {error:#}");
            failed.push(group);
            Vec::new()
        });
        for Row { name, value, unit } in rows {
            println!("{name:<48} {value:>14} {unit}", value = shown(value));
            figures.insert(format!("{group}: {name}"), json!({ "value": value, "unit": unit }));
        }
    }
    let path = args.json.clone().unwrap_or_else(|| workspace.target_dir().join("bench.json"));
    fs::write(&path, serde_json::to_string_pretty(&Value::Object(figures))?)?;
    println!("\nJSON: {}", path.display());
    if !failed.is_empty() {
        bail!("these could not be measured: {}", failed.join(", "));
    }
    Ok(())
}

/// Whole numbers where a fraction says nothing.
fn shown(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

/// The middle one of `values`.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::{median, shown};

    #[test]
    fn the_middle_one() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median(vec![]).is_nan());
    }

    #[test]
    fn digits_that_say_something() {
        assert_eq!(shown(12345.67), "12346");
        assert_eq!(shown(0.456), "0.46");
        assert_eq!(shown(7.0), "7");
    }
}
