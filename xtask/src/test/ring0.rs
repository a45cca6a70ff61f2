// SPDX-License-Identifier: MIT OR Apache-2.0
//! Traps that interrupt the hypervisor itself: NMIs, which it survives, and those that end it with a
//! report.
use std::time::Duration;

use anyhow::{Context, Result};

use super::{
    PROMPT,
    first_domain::{HV_ARGUMENTS, machine},
    tally::Tally,
};
use crate::{
    build::{self, Profile},
    machine_files::MachineFiles,
    qemu::{Machine, Serial},
    ramdisk::Domain,
    session::Session,
    workspace::Workspace,
};

const PROFILE: Profile = Profile::ImageDebug;
const PATIENCE: Duration = Duration::from_secs(60);
/// NMIs one after the other.
const NMIS: usize = 20;

type Test = fn(&Workspace) -> Result<()>;

const TESTS: [(&str, Test); 3] = [
    ("NMIs in idle and beside a spinner", nmis),
    ("a machine check is reported", machine_check),
    ("a double fault is reported", double_fault),
];

pub(super) fn run(workspace: &Workspace, tally: &mut Tally, only: &str) -> Result<()> {
    tally.begin("traps in ring 0");
    for (name, test) in TESTS.iter().filter(|(name, _)| name.contains(only)) {
        tally.run(name, || test(workspace));
    }
    Ok(())
}

/// A machine with dom0's prompt.
fn start(workspace: &Workspace, log: &str) -> Result<Session> {
    let folder = workspace.target_dir().join("run").join("test");
    let cfg = "name = \"spinner\"\nkernel = \"/boot/spinner\"\nmemory = 8\n";
    let domain = Domain::new("spinner.cfg".into(), cfg.to_owned())?;
    let files = MachineFiles::make(workspace, PROFILE, &[domain], &folder, false)?;
    let machine = Machine::new(files.boot(), Serial::Terminal);
    Session::at_prompt(&machine, &folder.join(log), PROMPT, PATIENCE)
}

fn nmis(workspace: &Workspace) -> Result<()> {
    let mut session = start(workspace, "nmi.log")?;
    for command in ["list", "create spinner.cfg"] {
        session.command(PROMPT, command, PATIENCE)?;
        for _ in 0..NMIS {
            session.monitor("nmi")?;
            session.wait_for(|line| line.contains("(hv) NMI, reason"), PATIENCE)?;
        }
    }
    session.command(PROMPT, "list", PATIENCE).map(|_| ())
}

fn machine_check(workspace: &Workspace) -> Result<()> {
    // Valid, uncorrected, enabled, with an address; in the machine's status: in progress.
    const UNCORRECTED: &str = "mce 0 1 0xb400000000000000 0x5 0x1234 0";
    let mut session = start(workspace, "machine-check.log")?;
    session.monitor(UNCORRECTED)?;
    let of_bank = |line: &str| line.contains("(hv)   bank 1: status 0xb4");
    session.wait_for(of_bank, PATIENCE).context("no report")?;
    let is_panic = |line: &str| line.contains("(hv) panic: ");
    session.wait_for(is_panic, PATIENCE).context("no panic").map(|_| ())
}

fn double_fault(workspace: &Workspace) -> Result<()> {
    build::images(workspace, PROFILE, &["hv", "double_fault"])?;
    let guest = build::finished(workspace, PROFILE, "double_fault");
    let machine = machine(&build::finished(workspace, PROFILE, "hv"), HV_ARGUMENTS, &guest);
    let log = workspace.target_dir().join("run").join("test").join("double-fault.log");
    let mut session = Session::start(&machine, &log)?;
    for part in ["(hv) trap 8 in ring 0", "stack::overflow", "(hv) panic: "] {
        session.wait_for(|line| line.contains(part), PATIENCE).context(part)?;
    }
    Ok(())
}
