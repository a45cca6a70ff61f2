// SPDX-License-Identifier: MIT OR Apache-2.0
//! Nothing may be left for a dynamic linker: nobody would run it.
use anyhow::{Result, bail};
use object::{Endianness, elf, read::elf::ProgramHeader};

use super::finish::Linked;

/// Fails where the image wants to be relocated, interpreted, or to have thread-local storage.
pub(super) fn check(image: &Linked<'_>) -> Result<()> {
    for segment in image.elf_program_headers() {
        match segment.p_type(Endianness::Little) {
            elf::PT_DYNAMIC => bail!("it has dynamic relocations"),
            elf::PT_INTERP => bail!("it asks for a dynamic linker"),
            elf::PT_TLS => bail!("it has thread-local storage"),
            _ => {}
        }
    }
    Ok(())
}
