// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a machine boots from: images are built, dom0's ramdisk is written.
use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    build::{self, Profile},
    qemu::Boot,
    ramdisk::{self, Domain},
    workspace::Workspace,
};

/// dom0's share of the memory in MiB, besides its ramdisk.
const DOM0_MEMORY_MIB: usize = 64;
/// dom0's own address in QEMU's network.
const DOM0_NETWORK: &str = "ip=10.0.2.15/24 gw=10.0.2.2";

/// Files and command lines of a machine.
pub(crate) struct MachineFiles {
    pub(crate) hv: PathBuf,
    pub(crate) dom0: PathBuf,
    pub(crate) ramdisk: PathBuf,
    pub(crate) hv_arguments: String,
    pub(crate) dom0_arguments: String,
}

impl MachineFiles {
    /// Builds all images, and writes dom0's ramdisk, for a machine that starts with `domains`,
    /// into `folder`.
    pub(crate) fn make(
        workspace: &Workspace,
        profile: Profile,
        domains: &[Domain],
        folder: &Path,
        verbose: bool,
    ) -> Result<Self> {
        Self::make_with(workspace, profile, domains, &[], folder, verbose)
    }

    /// The same with more files for dom0's ramdisk.
    pub(crate) fn make_with(
        workspace: &Workspace,
        profile: Profile,
        domains: &[Domain],
        more: &[(&str, &[u8])],
        folder: &Path,
        verbose: bool,
    ) -> Result<Self> {
        ramdisk::build_images(workspace, profile, domains, &["hv", "dom0"])?;
        let mut archive = ramdisk::dom0_ramdisk(workspace, profile, domains)?;
        for (name, contents) in more {
            archive.add(name, *contents);
        }
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let ramdisk = folder.join("ramdisk.cpio");
        let bytes = archive.bytes();
        let dom0_memory = DOM0_MEMORY_MIB + (bytes.len() >> 20);
        fs::write(&ramdisk, bytes).with_context(|| ramdisk.display().to_string())?;
        let (hv_level, dom0_level) =
            if verbose { (" loglvl=all guest_loglvl=all", " loglevel=debug") } else { ("", "") };
        Ok(Self {
            hv: build::finished(workspace, profile, "hv"),
            dom0: build::finished(workspace, profile, "dom0"),
            ramdisk,
            hv_arguments: format!("console=com1 dom0_mem={dom0_memory}M{hv_level}"),
            dom0_arguments: format!("{DOM0_NETWORK}{dom0_level}"),
        })
    }

    /// To be booted by QEMU's own loader.
    pub(crate) fn boot(&self) -> Boot {
        Boot::Kernel {
            hv: self.hv.clone(),
            hv_arguments: self.hv_arguments.clone(),
            modules: vec![
                (self.dom0.clone(), self.dom0_arguments.clone()),
                (self.ramdisk.clone(), String::new()),
            ],
        }
    }
}
