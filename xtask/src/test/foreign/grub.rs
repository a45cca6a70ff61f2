// SPDX-License-Identifier: MIT OR Apache-2.0
//! GRUB as a PV kernel: Debian's image, which looks for a disk and ends at its shell, and one with
//! the same modules and a disk in memory, from which it starts another PV kernel.
use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{Foreign, PATIENCE, PROFILE};
use crate::{build, debian::Debian, service::output, workspace::Workspace};

/// Debian's image.
pub(super) const IMAGE: &str = "/usr/lib/grub-xen/grub-x86_64-xen.bin";
/// The package of GRUB's modules.
pub(in crate::test) const MODULES_PACKAGE: &str = "grub-xen-bin";
/// A file in the folder of the modules.
const MODULES: &str = "/usr/lib/grub/x86_64-xen/moddep.lst";
/// The minios image that it starts.
const NEXT: &str = "hello";

const CONFIGURATION: &str = "linux (memdisk)/boot/hello\nboot\n";

/// The domain of Debian's image.
pub(super) fn config(image: &Path) -> String {
    format!("name = \"grub\"\nkernel = \"{}\"\nmemory = 64\n", image.display())
}

/// The folder of the modules.
pub(in crate::test) fn modules(debian: &Debian) -> Result<PathBuf> {
    let file = debian.path(MODULES)?;
    Ok(file.parent().context("a file without a folder")?.to_path_buf())
}

/// The domain of the image with a disk in memory, which is made in `folder`.
pub(in crate::test) fn chain_config(
    workspace: &Workspace,
    modules: &Path,
    folder: &Path,
) -> Result<String> {
    let image = make(workspace, modules, folder)?;
    Ok(format!("name = \"chain\"\nkernel = \"{}\"\nmemory = 64\n", image.display()))
}

fn make(workspace: &Workspace, modules: &Path, folder: &Path) -> Result<PathBuf> {
    build::images(workspace, PROFILE, &[NEXT])?;
    let next = build::finished(workspace, PROFILE, NEXT);
    let configuration = folder.join("grub-xen.cfg");
    fs::write(&configuration, CONFIGURATION)?;
    let image = folder.join("grub-chain");
    let words = [
        "--format=x86_64-xen".to_owned(),
        format!("--directory={}", modules.display()),
        format!("--output={}", image.display()),
        format!("boot/grub/grub.cfg={}", configuration.display()),
        format!("boot/{NEXT}={}", next.display()),
    ];
    output("grub-mkstandalone", &words.each_ref().map(String::as_str))?;
    Ok(image)
}

/// Without a disk GRUB ends at its shell, which knows where it runs.
pub(super) fn shell(foreign: &mut Foreign) -> Result<()> {
    foreign.create("grub", |line| line.contains("GNU GRUB"))?;
    foreign.attach("grub")?;
    foreign.session.wait_for_prompt("grub> ", PATIENCE)?;
    foreign.session.type_line("echo answer=$grub_cpu-$grub_platform")?;
    foreign.session.wait_for(|line| line == "answer=x86_64-xen", PATIENCE)?;
    foreign.detach()?;
    foreign.session.type_line("destroy grub")?;
    foreign.wait_for_end("grub")
}

/// What GRUB starts finds its console, its memory and its timer, and can end the domain.
pub(super) fn chain(foreign: &mut Foreign) -> Result<()> {
    foreign.create("chain", |line| line.contains("hello, running on Xen"))?;
    foreign
        .session
        .wait_for(|line| line.starts_with("[chain]") && line.contains("tick 3"), PATIENCE)?;
    foreign.wait_for_end("chain")
}
