// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bootable disk: a partition table, GRUB in front of the first partition, and a FAT file
//! system in that.
//!
//! | sector | what |
//! |---|---|
//! | 0 | GRUB's boot.img with the partition table; it loads sector 1 |
//! | 1 | GRUB's core, which loads its rest from sector 2 on, where it expects it |
//! | 2048 | the partition |
use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use super::{grub, quietly};

const SECTOR: u64 = 512;
const PARTITION_START: u32 = 2048;
/// File systems below this are FAT12, which is for floppies.
const SMALLEST_FILE_SYSTEM: u64 = 16 << 20;
const TABLE: usize = 446;

/// Makes a disk with the contents of `tree`.
pub(super) fn make(shell: &Shell, tree: &Path, disk: &Path) -> Result<()> {
    let contents = bytes_below(tree)?;
    // A quarter more for the file system's own tables and for changes of grub.cfg in place.
    let sectors = (contents + contents / 4).max(SMALLEST_FILE_SYSTEM).div_ceil(SECTOR);
    let sectors = u32::try_from(sectors).context("too large for a partition table")?;
    let start = u64::from(PARTITION_START) * SECTOR;
    File::create(disk)?.set_len(start + u64::from(sectors) * SECTOR)?;
    write_boot_sectors(shell, disk, sectors)?;
    let volume = format!("{}@@{start}", disk.display());
    let (count, hidden) = (sectors.to_string(), PARTITION_START.to_string());
    quietly(cmd!(shell, "mformat -i {volume} -T {count} -h 16 -s 63 -H {hidden} ::"))?;
    let boot = tree.join("boot");
    quietly(cmd!(shell, "mcopy -i {volume} -s -Q {boot} ::"))
}

fn write_boot_sectors(shell: &Shell, disk: &Path, sectors: u32) -> Result<()> {
    let core = disk.with_extension("core");
    let folder = grub::FOLDER;
    let prefix = "(hd0,msdos1)/boot/grub";
    quietly(
        cmd!(shell, "grub-mkimage -O i386-pc -d {folder} -o {core} -p {prefix} part_msdos fat")
            .args(grub::MODULES),
    )?;
    let core_bytes = fs::read(&core)?;
    fs::remove_file(&core)?;
    ensure!(
        core_bytes.len() as u64 <= u64::from(PARTITION_START - 1) * SECTOR,
        "GRUB's core does not fit in front of the first partition"
    );
    let mut boot = fs::read(Path::new(folder).join("boot.img")).context("GRUB's boot.img")?;
    boot.resize(512, 0);
    // The code for floppies that stands here would make the other three entries invalid.
    boot[TABLE..510].fill(0);
    boot[TABLE..TABLE + 16].copy_from_slice(&partition(PARTITION_START, sectors));
    boot[510..].copy_from_slice(&[0x55, 0xaa]);
    let mut file = OpenOptions::new().write(true).open(disk)?;
    file.write_all(&boot)?;
    file.seek(SeekFrom::Start(SECTOR))?;
    file.write_all(&core_bytes)?;
    Ok(())
}

/// An entry of the partition table: active, FAT16 by sector numbers; the cylinders are invalid.
fn partition(start: u32, sectors: u32) -> [u8; 16] {
    let mut entry = [0x80, 0xfe, 0xff, 0xff, 0x0e, 0xfe, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
    entry[8..12].copy_from_slice(&start.to_le_bytes());
    entry[12..].copy_from_slice(&sectors.to_le_bytes());
    entry
}

fn bytes_below(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        sum += if entry.path().is_dir() {
            bytes_below(&entry.path())?
        } else {
            entry.metadata()?.len().next_multiple_of(4096)
        };
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::partition;

    #[test]
    fn a_partition_table_entry() {
        let entry = partition(2048, 0x1_0000);
        assert_eq!(entry[0], 0x80, "active");
        assert_eq!(&entry[8..], &[0, 8, 0, 0, 0, 0, 1, 0]);
    }
}
