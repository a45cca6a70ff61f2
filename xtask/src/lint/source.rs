// SPDX-License-Identifier: MIT OR Apache-2.0
//! The source files of the repository.
use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// A file that people wrote.
pub(super) struct Source {
    /// Relative to the repository.
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Source {
    /// Whether it holds tests that run on the host.
    pub(super) fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs")
            || self.path.components().skip(1).any(|part| part.as_os_str() == "tests")
    }

    pub(super) fn has_extension(&self, extension: &str) -> bool {
        self.path.extension().is_some_and(|found| found == extension)
    }
}

/// All Rust, assembly and linker script files below `root`, in the order of their paths.
pub(super) fn all(root: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    read_below(root, Path::new(""), &mut sources)?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn read_below(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if entry.file_type()?.is_dir() {
            if !hidden && entry.file_name() != "target" {
                read_below(root, &path, sources)?;
            }
        } else if path.extension().is_some_and(|e| e == "rs" || e == "S" || e == "ld") {
            let text =
                fs::read_to_string(entry.path()).with_context(|| path.display().to_string())?;
            sources.push(Source { path, text });
        }
    }
    Ok(())
}

/// `line` without what follows `//`. A `//` inside a string cuts too much, which no check here
/// minds.
pub(super) fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}
