// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions that several domains take together, beside our dom0 and beside a Linux one.
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Pair, Table, operations::figure};
use crate::{
    bench::domains::{self, Case, PROFILE},
    progress::Step,
    real_xen::{NO_MITIGATIONS, Options, PROMPT, RealXen},
    session::Session,
    test::outcome::{End, Outcome},
    workspace::Workspace,
};

/// Counting is several times slower than not counting.
const PATIENCE: Duration = Duration::from_secs(400);

pub(super) fn measure(workspace: &Workspace) -> Result<Table> {
    let ours = domains::measure(workspace)?;
    let folder = workspace.target_dir().join("run").join("bench");
    let options = Options { xen_arguments: NO_MITIGATIONS, ..Options::default() };
    let xen = RealXen::fetch(workspace)?;
    let mut machine = xen.machine(workspace, PROFILE, &domains::domains()?, &folder, &options)?;
    machine.counted = Some(0);
    let step = Step::start("Starting the real Xen, counted");
    let log = folder.join("domains-on-xen.log");
    let mut session = Session::at_prompt(&machine, &log, PROMPT, PATIENCE)?;
    drop(step);
    let mut rows = Vec::new();
    for case in &domains::CASES {
        let xens = run(&mut session, case)?;
        for (figure_name, _) in &xens.figures {
            let name = case.row(figure_name);
            let hv = ours.iter().find(|row| row.name == name);
            let hv = hv.with_context(|| format!("{name} was not measured on hv"))?.value;
            rows.push(Pair { name, hv, xen: figure(&xens, figure_name)?, xen_defaults: None });
        }
    }
    Ok(Table {
        title: "instructions of all together",
        hv: "hv, dom0 on minios",
        xen: "Xen 4.17, Linux dom0",
        rows,
        note: format!("domUs, PV but where it says PVH; Xen with `{NO_MITIGATIONS}`."),
    })
}

fn run(session: &mut Session, case: &Case) -> Result<Outcome> {
    let guest = case.guest;
    let _step = Step::start(format!("{guest} on the real Xen"));
    if let Some(partner) = case.partner {
        session.command(PROMPT, &format!("xl create -q {partner}.cfg"), PATIENCE)?;
    }
    let kind = case.kind.name();
    let lines =
        session.command(PROMPT, &format!("try {guest} {kind} {}", PATIENCE.as_secs()), PATIENCE)?;
    if let Some(partner) = case.partner {
        session.command(PROMPT, &format!("xl destroy {partner}"), PATIENCE)?;
    }
    let outcome = Outcome::of(lines.iter().map(String::as_str));
    ensure!(outcome.end() == End::Success, "{guest} on Xen: {}", lines.join("; "));
    Ok(outcome)
}
