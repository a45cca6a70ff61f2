// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask bench`: figures, as a table and as JSON.
use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::{
    setup::{self, Consent, Tool},
    workspace::Workspace,
};

mod dom0_load;
mod domains;
mod image_bytes;
mod instructions;
mod load;
mod memory;
mod paging;
mod start_up;
mod versus;

/// Measure: start-up, requests per second, instructions per operation, sizes.
///
/// Instructions are counted by QEMU and are the same on every machine; what is measured in time is
/// not. Close everything else first.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to put the JSON [default: target/bench.json]
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only groups of figures whose names contain this; the JSON keeps those of the others
    filter: Option<String>,
    /// Compare with this hypervisor instead, and print what the README has
    #[arg(long, value_enum)]
    vs: Option<versus::Other>,
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

const GROUPS: [(&str, Measure); 8] = [
    ("size", image_bytes::measure),
    ("instructions", instructions::measure),
    ("domains, instructions", domains::measure),
    ("kinds of paging", paging::measure),
    ("memory", memory::measure),
    ("start", start_up::measure),
    ("load, from the host", load::measure),
    ("load, from dom0", dom0_load::measure),
];

pub(crate) fn verb(workspace: &Workspace, args: &Args) -> Result<()> {
    if args.vs == Some(versus::Other::Xen) {
        return versus::run(workspace, args);
    }
    let groups = chosen(&GROUPS, args.filter.as_deref())?;
    setup::require(&[&[Tool::Qemu][..], &Tool::CLIENTS].concat(), args.consent)?;
    let path = args.json.clone().unwrap_or_else(|| workspace.target_dir().join("bench.json"));
    // The other groups keep their figures.
    let mut figures = if args.filter.is_some() { earlier(&path)? } else { Map::new() };
    let mut failed = Vec::new();
    for (group, measure) in groups {
        println!("== {group}");
        figures.retain(|name, _| !belongs(name, group));
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
    fs::write(&path, serde_json::to_string_pretty(&Value::Object(figures))?)?;
    println!("\nJSON: {}", path.display());
    if !failed.is_empty() {
        bail!("these could not be measured: {}", failed.join(", "));
    }
    Ok(())
}

/// Those of `groups` whose names contain `filter`.
fn chosen<T: Copy>(
    groups: &[(&'static str, T)],
    filter: Option<&str>,
) -> Result<Vec<(&'static str, T)>> {
    let filter = filter.unwrap_or_default();
    let chosen: Vec<_> = groups.iter().copied().filter(|(name, _)| name.contains(filter)).collect();
    if chosen.is_empty() {
        let names: Vec<String> = groups.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        bail!("there are no figures `{filter}`: choose from {}", names.join(", "));
    }
    Ok(chosen)
}

/// The figures that an earlier run wrote; none if there was no run.
fn earlier(path: &Path) -> Result<Map<String, Value>> {
    let Ok(text) = fs::read_to_string(path) else { return Ok(Map::new()) };
    let figures = serde_json::from_str(&text);
    figures.with_context(|| format!("{} is not what this command writes", path.display()))
}

/// Whether the figure `name` is of `group`.
fn belongs(name: &str, group: &str) -> bool {
    name.strip_prefix(group).is_some_and(|rest| rest.starts_with(": "))
}

/// The name of the figure for so many connections.
fn requests(connections: u32) -> String {
    let plural = if connections == 1 { "" } else { "s" };
    format!("keep-alive requests of 1 KiB, {connections} connection{plural}")
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
    use std::{env, fs, process};

    use super::{belongs, chosen, earlier, median, shown};

    #[test]
    fn a_filter_chooses_groups_or_says_which_there_are() {
        let groups = [("load, from dom0", 1), ("size", 2)];
        assert_eq!(chosen(&groups, None).unwrap(), groups);
        assert_eq!(chosen(&groups, Some("load")).unwrap(), groups[..1]);
        let error = chosen(&groups, Some("x")).unwrap_err().to_string();
        assert!(error.ends_with("choose from \"load, from dom0\", \"size\""), "{error}");
    }

    #[test]
    fn figures_of_other_groups_stay() {
        let path = env::temp_dir().join(format!("hv-bench-test-{}.json", process::id()));
        assert!(earlier(&path).unwrap().is_empty());
        fs::write(&path, r#"{"size: hv": {"value": 1.0}, "load, from dom0: up": {}}"#).unwrap();
        let mut figures = earlier(&path).unwrap();
        figures.retain(|name, _| !belongs(name, "load, from dom0"));
        assert_eq!(figures.keys().collect::<Vec<_>>(), ["size: hv"]);
        fs::write(&path, "no JSON").unwrap();
        assert!(earlier(&path).is_err());
        fs::remove_file(&path).unwrap();
    }

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
