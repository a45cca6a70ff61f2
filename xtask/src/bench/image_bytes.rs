// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes of each image: what its segments take in the file, symbol names included.
use std::fs;

use anyhow::{Context, Result};
use object::{
    Endianness,
    elf::PT_LOAD,
    read::elf::{ElfFile64, ProgramHeader},
};

use super::Row;
use crate::{
    build::{self, Profile},
    workspace::Workspace,
};

const IMAGES: [&str; 5] = ["hv", "dom0", "httpd", "echo", "hello"];

pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    build::images(workspace, Profile::Image, &IMAGES)?;
    let row = |name: &&str| {
        let path = build::finished(workspace, Profile::Image, name);
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        Ok(Row::new(*name, loaded_bytes(&bytes)?, "bytes"))
    };
    IMAGES.iter().map(row).collect()
}

fn loaded_bytes(image: &[u8]) -> Result<f64> {
    let elf = ElfFile64::<Endianness>::parse(image)?;
    let loads = elf.elf_program_headers().iter();
    let loads = loads.filter(|segment| segment.p_type(Endianness::Little) == PT_LOAD);
    let sum: u64 = loads.map(|segment| segment.p_filesz(Endianness::Little)).sum();
    Ok(f64::from(u32::try_from(sum)?))
}
