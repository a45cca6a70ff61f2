// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask image`: a CD and a disk that boot the hypervisor, dom0 and apps.
use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use xshell::Cmd;

use crate::{
    build::Profile,
    machine_files::MachineFiles,
    progress::Step,
    ramdisk,
    setup::{self, Consent, Tool},
    workspace::Workspace,
};

mod disk;
mod grub;
mod iso;

/// Make a bootable CD and a bootable disk.
///
/// Both boot by GRUB on machines with a BIOS: copy the disk to a USB stick, or give it to a cloud
/// as a raw image. `cargo xtask run --boot cd` and `--boot disk` try them.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    domains: ramdisk::Choice,
    /// Folder to put them into [default: target/images]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// With assertions, overflow checks and hv's audit hypercall, or without
    #[arg(long, value_enum, default_value_t = Profile::Image)]
    profile: Profile,
    #[command(flatten)]
    consent: Consent,
}

pub(crate) fn verb(workspace: &Workspace, args: &Args) -> Result<()> {
    setup::require(&Tool::IMAGE, args.consent)?;
    let domains = args.domains.read(workspace)?;
    let out = args.out.clone().unwrap_or_else(|| workspace.target_dir().join("images"));
    let work = workspace.target_dir().join("run").join("image");
    let files = MachineFiles::make(workspace, args.profile, &domains, &work, false)?;
    for (kind, name) in [(Kind::Cd, "hv.iso"), (Kind::Disk, "hv.img")] {
        let path = out.join(name);
        make(workspace, &files, kind, &path)?;
        println!("{:>7} KiB  {}", fs::metadata(&path)?.len().div_ceil(1024), path.display());
    }
    Ok(())
}

/// The two kinds of bootable images.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Cd,
    Disk,
}

/// Makes the bootable image `path` of `files`.
pub(crate) fn make(
    workspace: &Workspace,
    files: &MachineFiles,
    kind: Kind,
    path: &std::path::Path,
) -> Result<()> {
    let _step = Step::start(format!("Making {}", path.display()));
    let tree = workspace.target_dir().join("run").join(format!("tree-{kind:?}"));
    grub::write_tree(&tree, files)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    match kind {
        Kind::Cd => iso::make(workspace.shell(), &tree, path),
        Kind::Disk => disk::make(workspace.shell(), &tree, path),
    }
}

/// Runs a tool that talks too much, and repeats what it said only if it fails.
fn quietly(command: Cmd<'_>) -> Result<()> {
    let name = command.to_string();
    let output = command.quiet().ignore_status().output().with_context(|| name.clone())?;
    if !output.status.success() {
        bail!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
