// SPDX-License-Identifier: MIT OR Apache-2.0
//! Test guests as the first domain, each on a machine of its own: on hv, and on the real Xen to
//! compare with.
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{
    guest,
    outcome::{Outcome, differences},
    tally::Tally,
};
use crate::{
    build::{self, Profile},
    progress::Step,
    qemu::{Boot, Machine, Serial},
    session::Session,
    workspace::Workspace,
};

const PATIENCE: Duration = Duration::from_secs(20);
const PROFILE: Profile = Profile::ImageDebug;
pub(crate) const HV_ARGUMENTS: &str = "console=com1 dom0_mem=64M";
/// What QEMU's emulation of these features makes Xen, or its guests, fail at is no fault of theirs.
const XEN_CPU: &str = "max,-smap,-monitor,-rdtscp";
pub(crate) const XEN_ARGUMENTS: &str = "console=com1 com1=115200,8n1 dom0_mem=64M dom0_max_vcpus=1";

/// Runs `names` on hv.
pub(super) fn on_hv(
    workspace: &Workspace,
    tally: &mut Tally,
    names: &[String],
    cpu: &str,
) -> Result<()> {
    tally.begin(&format!("guests as first domain, {cpu}"));
    build_images(workspace, names)?;
    for name in names {
        let outcome = run(workspace, &hv(workspace), HV_ARGUMENTS, name, cpu)?;
        tally.guest(name, &guest::verdict(name, &outcome));
    }
    Ok(())
}

/// Runs `names` on hv and on the hypervisor `xen`, and fails where their tables differ.
pub(super) fn on_both(
    workspace: &Workspace,
    tally: &mut Tally,
    names: &[String],
    xen: &Path,
) -> Result<()> {
    ensure!(xen.is_file(), "{} is no file: it must be an unpacked xen-4.17", xen.display());
    let magic = fs::read(xen)?.first_chunk::<4>().copied();
    ensure!(magic == Some(*b"\x7fELF"), "{} is no ELF: gunzip it first", xen.display());
    tally.begin("guests as first domain, hv against Xen");
    build_images(workspace, names)?;
    for name in names {
        let ours = run(workspace, &hv(workspace), HV_ARGUMENTS, name, "max")?;
        let xens = run(workspace, xen, XEN_ARGUMENTS, name, XEN_CPU)?;
        let differ = differences(&ours, &xens);
        if differ.is_empty() && ours.end() == xens.end() {
            tally.pass(&format!("{name}: {:?}, {} rows", ours.end(), ours.rows.len()));
            continue;
        }
        let rows =
            differ.iter().map(|(row, ours, xens)| format!("\n  {row}: hv {ours}, Xen {xens}"));
        let rows: String = rows.collect();
        tally.fail(name, &format!("hv {:?}, Xen {:?}{rows}", ours.end(), xens.end()));
    }
    Ok(())
}

fn build_images(workspace: &Workspace, names: &[String]) -> Result<()> {
    let images: Vec<&str> = names.iter().map(String::as_str).chain(["hv"]).collect();
    build::images(workspace, PROFILE, &images).map(drop)
}

fn hv(workspace: &Workspace) -> PathBuf {
    build::finished(workspace, PROFILE, "hv")
}

fn run(
    workspace: &Workspace,
    hypervisor: &Path,
    arguments: &str,
    name: &str,
    cpu: &str,
) -> Result<Outcome> {
    let guest = build::finished(workspace, PROFILE, name);
    let mut machine = machine(hypervisor, arguments, &guest);
    cpu.clone_into(&mut machine.cpu);
    follow(workspace, &machine, name, PATIENCE)
}

/// A machine whose first domain is `guest`.
pub(crate) fn machine(hypervisor: &Path, arguments: &str, guest: &Path) -> Machine {
    let boot = Boot::Kernel {
        hv: hypervisor.to_path_buf(),
        hv_arguments: arguments.to_owned(),
        modules: vec![(guest.to_path_buf(), String::new())],
    };
    let mut machine = Machine::new(boot, Serial::Terminal);
    machine.memory_mib = 512;
    machine
}

/// Starts `machine` and listens to its first domain, the guest `name`.
pub(crate) fn follow(
    workspace: &Workspace,
    machine: &Machine,
    name: &str,
    patience: Duration,
) -> Result<Outcome> {
    let _step = Step::start(name);
    let mut session = Session::start(machine, &log(workspace, name))?;
    // The machine ends with its first domain, so no line has to say so.
    Ok(Outcome::follow(&mut session, "", |_| false, Instant::now() + patience))
}

/// What the machine of the guest `name` printed last time.
pub(crate) fn log(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.target_dir().join("run").join("test").join(format!("first-{name}.log"))
}
