// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes cpio archives in the format newc, the ramdisks of domains.
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result};

#[cfg(test)]
mod tests;

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;
const END: &str = "TRAILER!!!";

/// An archive to be: names (relative, without a leading slash) and contents.
#[derive(Default)]
pub(crate) struct Archive {
    files: BTreeMap<String, File>,
}

struct File {
    mode: u32,
    contents: Vec<u8>,
}

impl Archive {
    /// Adds a file; one of the same name is replaced.
    pub(crate) fn add(&mut self, name: &str, contents: impl Into<Vec<u8>>) {
        self.add_with_mode(name, FILE, contents.into());
    }

    /// Adds a file that may be executed.
    pub(crate) fn add_program(&mut self, name: &str, contents: impl Into<Vec<u8>>) {
        self.add_with_mode(name, PROGRAM, contents.into());
    }

    fn add_with_mode(&mut self, name: &str, mode: u32, contents: Vec<u8>) {
        self.files.insert(name.trim_start_matches('/').to_owned(), File { mode, contents });
    }

    /// Adds every file below the folder `from`, with names relative to it.
    pub(crate) fn add_folder(&mut self, from: &Path) -> Result<()> {
        self.add_below(from, "")
    }

    fn add_below(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.with_context(|| format!("{} has no UTF-8 name", path.display()))?;
            let name = format!("{prefix}{name}");
            if path.is_dir() {
                self.add_below(&path, &format!("{name}/"))?;
            } else {
                self.add(&name, fs::read(&path).with_context(|| path.display().to_string())?);
            }
        }
        Ok(())
    }

    /// The archive's bytes. They depend on names and contents alone.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut inode = 0;
        for folder in self.folders() {
            inode += 1;
            member(&mut out, inode, DIRECTORY, folder, &[]);
        }
        for (name, File { mode, contents }) in &self.files {
            inode += 1;
            member(&mut out, inode, *mode, name, contents);
        }
        member(&mut out, 0, 0, END, &[]);
        out
    }

    /// Every folder that a file is in, a parent before its children.
    fn folders(&self) -> BTreeSet<&str> {
        let slashes = self.files.keys().flat_map(|name| {
            name.match_indices('/').filter_map(move |(index, _)| name.get(..index))
        });
        slashes.collect()
    }
}

fn member(out: &mut Vec<u8>, inode: u32, mode: u32, name: &str, contents: &[u8]) {
    let len = |bytes: usize| u32::try_from(bytes).expect("a ramdisk's file is below 4 GiB");
    let links = if mode == DIRECTORY { 2 } else { 1 };
    // The fields of the header: inode, mode, user, group, links, time, size, device (major,
    // minor), device of a special file (major, minor), length of the name with its NUL, checksum.
    let (size, name_len) = (len(contents.len()), len(name.len() + 1));
    out.extend_from_slice(b"070701");
    for field in [inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, name_len, 0] {
        out.extend_from_slice(format!("{field:08X}").as_bytes());
    }
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    pad(out);
    out.extend_from_slice(contents);
    pad(out);
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}
