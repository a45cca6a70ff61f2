// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions per operation: QEMU counts them, and makes them the guest's clock (1 GHz).
//!
//! The test guest `bench` measures, as first domain: the median of five rounds, stub and loop
//! included. Two runs give the same counts.
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Row;
use crate::{
    build::{self, Profile},
    test::{first_domain, outcome::End},
    workspace::Workspace,
};

const GUEST: &str = "bench";
const PATIENCE: Duration = Duration::from_secs(60);
/// The processor models to count on. Neither has what Xen's mitigations want (IBRS, STIBP, ...),
/// and hv has none yet: page tables are not isolated, and no barrier is executed.
const CPUS: [&str; 2] = ["qemu64", "max"];

pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    build::images(workspace, Profile::Image, &["hv", GUEST])?;
    let mut rows = Vec::new();
    for cpu in CPUS {
        let hv = build::finished(workspace, Profile::Image, "hv");
        let guest = build::finished(workspace, Profile::Image, GUEST);
        let mut machine = first_domain::machine(&hv, first_domain::HV_ARGUMENTS, &guest);
        cpu.clone_into(&mut machine.cpu);
        machine.counted = Some(0);
        let outcome = first_domain::follow(workspace, &machine, GUEST, PATIENCE)?;
        let end = outcome.end();
        ensure!(end == End::Success, "{end:?}: {} {:?}", outcome.last_line, outcome.complaints);
        for (name, value) in &outcome.figures {
            let value = value.parse().with_context(|| format!("{name}: {value}"))?;
            rows.push(Row::new(format!("{name}, {cpu}"), value, "instructions"));
        }
    }
    Ok(rows)
}
