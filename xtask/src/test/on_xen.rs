// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same guests as domUs of hv and of the real Xen, side by side.
use std::time::Duration;

use anyhow::Result;

use super::{
    domains, guest,
    outcome::{End, NONE, Outcome, differences},
    tally::Tally,
};
use crate::{
    real_xen::{self, Options, PROMPT, RealXen},
    run::DomainType,
    session::Session,
    workspace::Workspace,
};

pub(super) mod grub;
pub(super) mod lives;

/// How long the machine may take to boot, and a guest to end.
const BOOT: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(60);
/// Guests that test a backend of our dom0.
const OF_OUR_DOM0: [&str; 1] = ["hostile_frontend"];
/// As what the real Xen creates each guest.
const TYPES: [DomainType; 2] = [DomainType::Pv, DomainType::Pvh];

/// Rows whose values on Xen are other in a PVH domain than in a PV one: guest and row, or no row
/// where it is so with all. tests/README.md says why.
const OTHER_FOR_PVH: [(&str, &str); 27] = [
    ("critical_instructions", ""),
    ("grant_ways", "frame 0"),
    ("grant_ways", "into frame 0"),
    ("grants", "map where no table is"),
    ("grants", "map in Xen's range"),
    ("local_apic", "error interrupts"),
    ("memory_op", "exchange into Xen"),
    ("msrs", "BIOS_SIGN_ID"),
    ("msrs", "DE_CFG"),
    ("msrs", "F15H_PERF_CTL0"),
    ("msrs", "HWCR"),
    ("msrs", "K7_EVNTSEL0"),
    ("msrs", "MC0_CTL"),
    ("msrs", "MC0_CTL2"),
    ("msrs", "MC0_STATUS"),
    ("msrs", "MCG_CAP"),
    ("msrs", "MCG_CTL"),
    ("msrs", "MISC_FEATURES_ENABLES"),
    ("msrs", "P5_MC_ADDR"),
    ("msrs", "PATCH_LOADER"),
    ("msrs", "PLATFORM_INFO"),
    ("msrs", "TSC_ADJUST"),
    ("msrs", "VIRT_SPEC_CTRL"),
    ("physdev_op", ""),
    ("physmap", ""),
    ("privileged", "set_iopl 9"),
    ("sched_op", "old yield"),
];

/// Guests with nothing to test as the PV domain that they would be on hv.
const ONLY_PVH: [&str; 11] = [
    "beside_alignment_checks",
    "beside_debug_exceptions",
    "beside_nmi_handler",
    "frame_numbers",
    "page_tables",
    "page_tables_random",
    "paging_modes",
    "physmap_random",
    "pvh",
    "table_marks",
    "task_switch",
];

/// Runs `names` on hv and on the real Xen, and fails where a guest fails or the tables differ.
pub(super) fn guests(workspace: &Workspace, tally: &mut Tally, names: &[String]) -> Result<()> {
    tally.begin("guests as domUs, hv beside the real Xen");
    let xen = RealXen::fetch(workspace)?;
    let names: Vec<String> = names.iter().filter(|name| is_plain(name)).cloned().collect();
    let mut ours = Vec::new();
    domains::each(workspace, &names, real_xen::CPU, |outcome| ours.push(outcome))?;
    let folder = workspace.target_dir().join("run").join("test");
    let domains = domains::with_partners(workspace, &names)?;
    let machine =
        xen.machine(workspace, domains::PROFILE, &domains, &folder, &Options::default())?;
    let mut session = Session::at_prompt(&machine, &folder.join("on-xen.log"), PROMPT, BOOT)?;
    for (name, ours) in names.iter().zip(&ours) {
        for kind in TYPES {
            let xens = run_one(&mut session, name, kind)?;
            compare(tally, name, kind, ours, &xens);
        }
    }
    Ok(())
}

/// Whether a guest speaks to the hypervisor, and not to what else our dom0 is.
fn is_plain(name: &str) -> bool {
    !OF_OUR_DOM0.contains(&name) && !ONLY_PVH.contains(&name)
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
    let mut differ = differences(ours, xens);
    let rows = ours.rows.len().saturating_sub(differ.len());
    if kind == DomainType::Pvh {
        // A guest leaves out what there is for PV only.
        differ.retain(|(row, _, xens)| *xens != NONE && !is_other_for_pvh(name, row));
    }
    let (ours_end, xens_end) = (ours.end(), xens.end());
    let what = format!("{name:<16} hv {ours_end:?}, Xen {} {xens_end:?}", kind.name());
    if differ.is_empty() && ours_end == xens_end && xens_end == guest::wanted(name) {
        return tally.pass(&format!("{what}, {rows} rows alike"));
    }
    if xens_end == End::Skip {
        return tally.skip(&what, &xens.reason);
    }
    let rows = differ.iter().map(|(row, ours, xens)| format!("\n  {row}: hv {ours}, Xen {xens}"));
    let complaints = xens.complaints.iter().map(|complaint| format!("\n  Xen: {complaint}"));
    let rows: String = rows.chain(complaints).collect();
    tally.fail(&what, &format!("{}{rows}", xens.last_line));
}

fn is_other_for_pvh(name: &str, row: &str) -> bool {
    OTHER_FOR_PVH.iter().any(|(guest, other)| *guest == name && (other.is_empty() || *other == row))
}
