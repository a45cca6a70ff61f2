// SPDX-License-Identifier: MIT OR Apache-2.0
//! From what the linker wrote to the finished image.
use std::{fs, path::Path, time::SystemTime};

use anyhow::{Context, Result};
use object::{Endianness, read::elf::ElfFile64};

use super::{red_zone, relocations, strip, symbol_table};

/// An image as the linker wrote it.
pub(super) type Linked<'a> = ElfFile64<'a, Endianness>;

/// Checks the image `linked`, and writes it with its symbol table and without debug information
/// to `finished`, unless that is up to date.
pub(super) fn finish(linked: &Path, finished: &Path) -> Result<()> {
    if is_newer(finished, linked) {
        return Ok(());
    }
    let bytes = fs::read(linked).with_context(|| linked.display().to_string())?;
    let image = Linked::parse(bytes.as_slice())?;
    check_image(&image)?;
    let table = symbol_table::table(&image);
    let stripped = strip::strip(&bytes, &image, &table)?;
    if let Some(folder) = finished.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(finished, stripped).with_context(|| finished.display().to_string())
}

/// Checks the image `linked`.
pub(crate) fn check(linked: &Path) -> Result<()> {
    let bytes = fs::read(linked)?;
    check_image(&Linked::parse(bytes.as_slice())?)
}

fn check_image(image: &Linked<'_>) -> Result<()> {
    relocations::check(image)?;
    red_zone::check(image)
}

/// Whether `made` is newer than `from` and than xtask itself.
fn is_newer(made: &Path, from: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let xtask: Option<SystemTime> = std::env::current_exe().ok().as_deref().and_then(modified);
    let made = modified(made);
    made.is_some() && made > modified(from) && made > xtask
}
