// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same guests as domUs of hv and of the real Xen, side by side.
use std::time::Duration;

use anyhow::{Context, Result};

use super::{
    domains, guest,
    outcome::{End, Outcome, differences},
    tally::Tally,
};
use crate::{
    real_xen::{Options, PROMPT, RealXen},
    run::DomainType,
    session::Session,
    workspace::Workspace,
};

const CPU: &str = "max";
/// How long the machine may take to boot, and a guest to end.
const BOOT: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(60);
/// As what the real Xen creates each guest.
const TYPES: [DomainType; 1] = [DomainType::Pv];

/// Runs `names` on hv and on the real Xen, and fails where a guest fails or the tables differ.
pub(super) fn guests(workspace: &Workspace, tally: &mut Tally, names: &[String]) -> Result<()> {
    tally.begin("guests as domUs, hv beside the real Xen");
    let xen = RealXen::fetch(workspace)?;
    let mut ours = Vec::new();
    domains::each(workspace, names, CPU, |_, outcome, _| ours.push(outcome))?;
    let folder = workspace.target_dir().join("run").join("test");
    let domains = domains::with_partners(workspace, names)?;
    let machine =
        xen.machine(workspace, domains::PROFILE, &domains, &folder, &Options::default())?;
    let mut session = Session::start(&machine, &folder.join("on-xen.log"))?;
    session.wait_for_prompt(PROMPT, BOOT).context("dom0 of the real Xen does not come up")?;
    for (name, ours) in names.iter().zip(&ours) {
        for kind in TYPES {
            let xens = run_one(&mut session, name, kind)?;
            compare(tally, name, kind, ours, &xens);
        }
    }
    Ok(())
}

/// Runs a guest, beside its partner if it has one.
fn run_one(session: &mut Session, name: &str, kind: DomainType) -> Result<Outcome> {
    let kind = kind.name();
    let partner = guest::partner(name);
    if let Some(partner) = partner {
        let create = format!("xl create -q {partner}.cfg type=\\\"{kind}\\\"");
        session.command(PROMPT, &create, PATIENCE)?;
    }
    let seconds = PATIENCE.as_secs() / 2;
    let lines = session.command(PROMPT, &format!("try {name} {kind} {seconds}"), PATIENCE)?;
    if let Some(partner) = partner {
        session.command(PROMPT, &format!("xl destroy {partner}"), PATIENCE)?;
    }
    Ok(Outcome::of(lines.iter().map(String::as_str)))
}

fn compare(tally: &mut Tally, name: &str, kind: DomainType, ours: &Outcome, xens: &Outcome) {
    let differ = differences(ours, xens);
    let (ours_end, xens_end) = (ours.end(), xens.end());
    let what = format!("{name:<16} hv {ours_end:?}, Xen {} {xens_end:?}", kind.name());
    if differ.is_empty() && ours_end == xens_end && xens_end == guest::wanted(name) {
        return tally.pass(&format!("{what}, {} rows alike", ours.rows.len()));
    }
    if xens_end == End::Skip {
        return tally.skip(&what, &xens.last_line);
    }
    let rows = differ.iter().map(|(row, ours, xens)| format!("\n  {row}: hv {ours}, Xen {xens}"));
    let complaints = xens.complaints.iter().map(|complaint| format!("\n  Xen: {complaint}"));
    let rows: String = rows.chain(complaints).collect();
    tally.fail(&what, &format!("{}{rows}", xens.last_line));
}
