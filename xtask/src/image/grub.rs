// SPDX-License-Identifier: MIT OR Apache-2.0
//! What GRUB finds: its configuration, the hypervisor, its modules.
use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::machine_files::MachineFiles;

/// The modules of GRUB that boot by multiboot2 with a serial console.
pub(super) const MODULES: [&str; 6] =
    ["biosdisk", "normal", "configfile", "multiboot2", "serial", "terminal"];
/// GRUB's files for machines with a BIOS.
pub(super) const FOLDER: &str = "/usr/lib/grub/i386-pc";

/// Writes the folder tree of a bootable medium.
pub(super) fn write_tree(tree: &Path, files: &MachineFiles) -> Result<()> {
    let boot = tree.join("boot");
    fs::create_dir_all(boot.join("grub"))?;
    for (from, name) in [(&files.hv, "hv"), (&files.dom0, "dom0"), (&files.ramdisk, "ramdisk.cpio")]
    {
        fs::copy(from, boot.join(name)).with_context(|| from.display().to_string())?;
    }
    fs::write(boot.join("grub").join("grub.cfg"), configuration(files))?;
    Ok(())
}

/// GRUB's configuration. GRUB passes no file names on, QEMU's loader does; hv knows.
fn configuration(files: &MachineFiles) -> String {
    let MachineFiles { hv_arguments, dom0_arguments, .. } = files;
    format!(
        "serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
set timeout=0
menuentry hv {{
  multiboot2 /boot/hv {hv_arguments}
  module2 /boot/dom0 {dom0_arguments}
  module2 /boot/ramdisk.cpio
}}
"
    )
}
