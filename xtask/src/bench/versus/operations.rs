// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions per operation: the test guest `bench` as the first domain of each.
use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};

use super::{Pair, Table};
use crate::{
    build::{self, Profile},
    debian::Debian,
    progress::Step,
    real_xen::{self, NO_MITIGATIONS},
    test::{
        first_domain,
        outcome::{End, Outcome},
    },
    workspace::Workspace,
};

const GUEST: &str = "bench";
const PATIENCE: Duration = Duration::from_secs(120);
/// A processor that Xen finds open to Meltdown and Spectre, without what Xen fails at in QEMU.
const CPU: &str = "Skylake-Client-v1,-smap,-monitor,-rdtscp";

pub(super) fn measure(workspace: &Workspace) -> Result<Table> {
    build::images(workspace, Profile::Image, &["hv", GUEST])?;
    let hv = build::finished(workspace, Profile::Image, "hv");
    let xen = real_xen::hypervisor(&Debian::new(workspace))?;
    let without = format!("{} {NO_MITIGATIONS}", first_domain::XEN_ARGUMENTS);
    let ours = count(workspace, &hv, first_domain::HV_ARGUMENTS)?;
    let xens = count(workspace, &xen, &without)?;
    let defaults = count(workspace, &xen, first_domain::XEN_ARGUMENTS)?;
    let log = fs::read_to_string(first_domain::log(workspace, GUEST))?;
    let rows = ours.figures.iter().map(|(name, _)| {
        Ok(Pair {
            name: name.clone(),
            hv: figure(&ours, name)?,
            xen: figure(&xens, name)?,
            xen_defaults: Some(figure(&defaults, name)?),
        })
    });
    Ok(Table {
        title: "instructions",
        hv: "hv",
        xen: "Xen 4.17",
        rows: rows.collect::<Result<_>>()?,
        note: format!(
            "First domain, `-icount shift=0 -cpu {CPU}`. Mitigations: hv none, Xen none \
             (`{NO_MITIGATIONS}`); by default Xen says \"{}\".",
            mitigations(&log)
        ),
    })
}

fn count(workspace: &Workspace, hypervisor: &Path, arguments: &str) -> Result<Outcome> {
    let guest = build::finished(workspace, Profile::Image, GUEST);
    let mut machine = first_domain::machine(hypervisor, arguments, &guest);
    CPU.clone_into(&mut machine.cpu);
    machine.counted = Some(0);
    let _step = Step::start(format!("Counting on {}", hypervisor.display()));
    let outcome = first_domain::follow(workspace, &machine, GUEST, PATIENCE)?;
    let end = outcome.end();
    ensure!(end == End::Success, "{end:?}: {} {:?}", outcome.last_line, outcome.complaints);
    Ok(outcome)
}

/// The figure `name` that a guest measured.
pub(super) fn figure(outcome: &Outcome, name: &str) -> Result<f64> {
    let found = outcome.figures.iter().find(|(other, _)| other == name);
    let (_, value) = found.with_context(|| format!("{name} was not measured"))?;
    value.parse().with_context(|| format!("{name}: {value}"))
}

/// What Xen says of its mitigations for PV domains when it boots.
fn mitigations(log: &str) -> String {
    let keys = ["Support for PV VMs: ", "XPTI (64-bit PV only): "];
    let said = keys.iter().filter_map(|key| {
        let line = log.lines().find(|line| line.contains(key))?;
        Some(line.split_once(key)?.1.trim())
    });
    let said: Vec<&str> = said.collect();
    said.join("; XPTI: ")
}

#[cfg(test)]
mod tests {
    use super::mitigations;

    #[test]
    fn what_xen_says() {
        let log = "(XEN) x\r\n(XEN)   Support for PV VMs: EAGER_FPU\r\n\
                   (XEN)   XPTI (64-bit PV only): Dom0 enabled\r\n";
        assert_eq!(mitigations(log), "EAGER_FPU; XPTI: Dom0 enabled");
    }
}
