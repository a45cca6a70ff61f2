// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs of packages with all the shared libraries that they need.
use std::collections::{BTreeMap, btree_map::Entry};

use anyhow::{Context, Result, bail};
use object::{
    Endianness,
    elf::{DT_NEEDED, PT_INTERP},
    read::elf::{Dyn, ElfFile64, ProgramHeader},
};

use super::Debian;
use crate::cpio::Archive;

/// Where packages have libraries.
const FOLDERS: [&str; 4] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/xen-4.17/lib/x86_64-linux-gnu",
    "/lib64",
];
/// Where the loader finds libraries in an archive.
const LIBRARIES: &str = "/lib/x86_64-linux-gnu";

impl Debian {
    /// Adds `programs`, under the names of their packages, and what they are linked with.
    pub(crate) fn add_programs(&self, archive: &mut Archive, programs: &[&str]) -> Result<()> {
        let mut libraries = BTreeMap::new();
        for program in programs {
            let bytes = self.read(program)?;
            self.collect(&bytes, &mut libraries).with_context(|| (*program).to_owned())?;
            archive.add_program(program, bytes);
        }
        for (name, bytes) in libraries {
            let path = if name.starts_with('/') { name } else { format!("{LIBRARIES}/{name}") };
            archive.add_program(&path, bytes);
        }
        Ok(())
    }

    /// Adds what `program` needs to `libraries`: names, or the whole path of the loader, and
    /// contents.
    fn collect(&self, program: &[u8], libraries: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
        for name in needed(program)? {
            if let Entry::Vacant(place) = libraries.entry(name) {
                let bytes = self.library(place.key())?;
                place.insert(bytes.clone());
                self.collect(&bytes, libraries)?;
            }
        }
        Ok(())
    }

    fn library(&self, name: &str) -> Result<Vec<u8>> {
        let file = name.rsplit('/').next().unwrap_or(name);
        let paths = FOLDERS.iter().map(|folder| format!("{folder}/{file}"));
        let Some(path) = paths.into_iter().find_map(|path| self.path(&path).ok()) else {
            bail!("no package has the library {name}");
        };
        std::fs::read(&path).with_context(|| path.display().to_string())
    }
}

/// The libraries that the ELF file `bytes` names, and its loader.
fn needed(bytes: &[u8]) -> Result<Vec<String>> {
    let elf = ElfFile64::<Endianness>::parse(bytes)?;
    let endian = elf.endian();
    let mut names = Vec::new();
    if let Some((entries, strings)) = elf.elf_section_table().dynamic(endian, bytes)? {
        let strings = elf.elf_section_table().strings(endian, bytes, strings)?;
        for entry in entries.iter().filter(|entry| entry.d_tag(endian) == DT_NEEDED) {
            let name = strings.get(u32::try_from(entry.d_val(endian))?);
            let name = name.ok().context("a library without a name")?;
            names.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    for segment in elf.elf_program_headers() {
        if segment.p_type(endian) == PT_INTERP
            && let Ok(Some(path)) = segment.interpreter(endian, bytes)
        {
            names.push(String::from_utf8_lossy(path).into_owned());
        }
    }
    Ok(names)
}
