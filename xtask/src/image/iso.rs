// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bootable CD.
use std::path::Path;

use anyhow::Result;
use xshell::{Shell, cmd};

use super::{grub, quietly};

/// Makes a CD of `tree`.
pub(super) fn make(shell: &Shell, tree: &Path, iso: &Path) -> Result<()> {
    let modules = format!("iso9660 part_msdos {}", grub::MODULES.join(" "));
    let folder = grub::FOLDER;
    quietly(
        cmd!(shell, "grub-mkrescue -d {folder} -o {iso} {tree} --compress=no")
            .args(["--fonts=", "--locales=", "--themes="])
            .arg(format!("--install-modules={modules}")),
    )
}
