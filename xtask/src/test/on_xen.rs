// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same guests as domUs of hv and of the real Xen, side by side.
use std::time::Duration;

use anyhow::Result;

use super::{
    domains, guest,
    mode::Mode,
    outcome::{End, Outcome, differences},
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
const PATIENCE: Duration = Duration::from_secs(240);
/// Guests that test a backend of our dom0.
const OF_OUR_DOM0: [&str; 1] = ["hostile_frontend"];
/// As what both hypervisors create each guest.
const TYPES: [DomainType; 2] = [DomainType::Pv, DomainType::Pvh];

/// Rows in which the real Xen gives something else to a domain of this type: tests/README.md says
/// why.
const EXPLAINED: [(DomainType, &str, &str); 22] = [
    (DomainType::Pv, "traps", "int 0x55, DPL 0"),
    (DomainType::Pvh, "local_apic", "error interrupts"),
    (DomainType::Pvh, "msrs", "BIOS_SIGN_ID"),
    (DomainType::Pvh, "msrs", "DE_CFG"),
    (DomainType::Pvh, "msrs", "F15H_PERF_CTL0"),
    (DomainType::Pvh, "msrs", "HWCR"),
    (DomainType::Pvh, "msrs", "K7_EVNTSEL0"),
    (DomainType::Pvh, "msrs", "MC0_CTL"),
    (DomainType::Pvh, "msrs", "MC0_CTL2"),
    (DomainType::Pvh, "msrs", "MC0_STATUS"),
    (DomainType::Pvh, "msrs", "MCG_CAP"),
    (DomainType::Pvh, "msrs", "MCG_CTL"),
    (DomainType::Pvh, "msrs", "MISC_FEATURES_ENABLES"),
    (DomainType::Pvh, "msrs", "P5_MC_ADDR"),
    (DomainType::Pvh, "msrs", "PATCH_LOADER"),
    (DomainType::Pvh, "msrs", "PLATFORM_INFO"),
    (DomainType::Pvh, "msrs", "TSC_ADJUST"),
    (DomainType::Pvh, "msrs", "VIRT_SPEC_CTRL"),
    (DomainType::Pvh, "page_tables", "over a hole"),
    (DomainType::Pvh, "pvh", "PAT of a kind that there is not"),
    (DomainType::Pvh, "pvh", "VM_HSAVE_PA"),
    (DomainType::Pvh, "pvh", "no machine checks"),
];

/// What a domain that leaves all the time does to the real Xen in this emulator.
const LOST: &str = "QEMU loses interrupts of the host beside a guest that leaves all the time";
/// What the real Xen cannot run as a domain of this type in this emulator, and why.
const NOT_ON_XEN: [(DomainType, &str, &str); 5] = [
    (DomainType::Pvh, "beside_alignment_checks", LOST),
    (DomainType::Pvh, "beside_debug_exceptions", LOST),
    (DomainType::Pvh, "beside_holder", LOST),
    (DomainType::Pvh, "beside_nmi_handler", LOST),
    (
        DomainType::Pvh,
        "paging_modes",
        "QEMU marks PAE's pointers accessed, which Xen's walk takes for a reserved bit",
    ),
];

/// Runs `names` on hv and on the real Xen, and fails where a guest fails or the tables differ.
pub(super) fn guests(workspace: &Workspace, tally: &mut Tally, names: &[String]) -> Result<()> {
    tally.begin("guests as domUs, hv beside the real Xen");
    let xen = RealXen::fetch(workspace)?;
    let plain = names.iter().filter(|name| !OF_OUR_DOM0.contains(&name.as_str()));
    let names: Vec<String> = plain.cloned().collect();
    let mut ours = Vec::new();
    for kind in TYPES {
        let mut names = names.clone();
        names.retain(|name| !tally_skipped(tally, kind, name));
        let outcomes = domains::each(workspace, &names, mode(kind), real_xen::CPU)?;
        ours.extend(names.into_iter().zip(outcomes).map(|(name, it)| (kind, name, it)));
    }
    let folder = workspace.target_dir().join("run").join("test");
    let domains = domains::with_partners(workspace, &names)?;
    let machine =
        xen.machine(workspace, domains::PROFILE, &domains, &folder, &Options::default())?;
    let mut session = Session::at_prompt(&machine, &folder.join("on-xen.log"), PROMPT, BOOT)?;
    for (kind, name, ours) in &ours {
        let xens = run_one(&mut session, name, *kind)?;
        compare(tally, name, *kind, ours, &xens);
    }
    Ok(())
}

/// Whether the guest `name` cannot be judged as a domain of this type, on hv or on Xen; it is then
/// told why.
fn tally_skipped(tally: &mut Tally, kind: DomainType, name: &str) -> bool {
    let not_on_xen = NOT_ON_XEN.iter().find(|(it, guest, _)| (*it, *guest) == (kind, name));
    let why = not_on_xen.map(|(.., why)| *why).or_else(|| mode(kind).cannot_judge(name));
    why.inspect(|why| tally.skip(&format!("{} {name}", kind.name()), why)).is_some()
}

/// How hv virtualizes a domain of this type beside the real Xen.
fn mode(kind: DomainType) -> Mode {
    match kind {
        DomainType::Pv => Mode::Pv,
        DomainType::Pvh => Mode::PvhSvmNpt,
    }
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
    let is_explained = |row: &str| EXPLAINED.contains(&(kind, name, row));
    let mut differ = differences(ours, xens);
    let rows = ours.rows.len().saturating_sub(differ.len());
    differ.retain(|(row, ..)| !is_explained(row));
    let mut complaints = xens.complaints.clone();
    complaints.retain(|complaint| !complaint.split_once(": ").is_some_and(|it| is_explained(it.0)));
    let (ours_end, xens_end) = (ours.end(), xens.end());
    let what = format!("{} {name:<21} hv {ours_end:?}, Xen {xens_end:?}", kind.name());
    if differ.is_empty() && complaints.is_empty() {
        if xens_end == End::Skip {
            return tally.skip(&what, &xens.reason);
        }
        let complained = xens_end == End::Failure && !xens.complaints.is_empty();
        if ours_end == guest::wanted(name) && (xens_end == ours_end || complained) {
            let others = if complained { ", the others explained in tests/README.md" } else { "" };
            return tally.pass(&format!("{what}, {rows} rows alike{others}"));
        }
    }
    let rows = differ.iter().map(|(row, ours, xens)| format!("\n  {row}: hv {ours}, Xen {xens}"));
    let complaints = complaints.iter().map(|complaint| format!("\n  Xen: {complaint}"));
    let rows: String = rows.chain(complaints).collect();
    tally.fail(&what, &format!("{}{rows}", xens.last_line));
}
