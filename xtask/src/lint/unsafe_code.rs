// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where unsafe code is, and how much.
use std::{collections::BTreeMap, path::Path};

use super::{
    Findings,
    source::{Source, code},
};
use crate::workspace::Package;

/// Where unsafe code may be: the edges of the two kernels, and what stands in for a C library.
const EDGES: [&str; 4] = ["hv/kernel/src", "minios/kernel/src", "linker/bare/src", "tests/guests"];
/// In the edges, but guest-facing policy all the same.
const WALLED_OFF: [&str; 1] = ["hv/kernel/src/hypercall"];
const FORBID: &str = "#![forbid(unsafe_code)]";

pub(super) fn check(packages: &[Package], sources: &[Source], findings: &mut Findings) {
    let mut per_package: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.has_extension("rs")) {
        check_root(source, findings);
        let count = blocks(&source.text);
        if count == 0 {
            continue;
        }
        if !is_edge(&source.path) && !source.is_test() {
            findings.error(format!("{}: unsafe code is not for here", source.path.display()));
        }
        let package = packages.iter().filter(|package| source.path.starts_with(&package.dir));
        if let Some(package) = package.max_by_key(|package| package.dir.components().count()) {
            let entry = per_package.entry(&package.name).or_default();
            *entry = (entry.0 + count, entry.1 + 1);
        }
    }
    for (package, (blocks, files)) in per_package {
        findings.note(format!(
            "{package}: {blocks} unsafe blocks, functions and impls in {files} files"
        ));
    }
}

/// The root of a crate that is no edge must forbid unsafe code, so that the compiler checks it.
fn check_root(source: &Source, findings: &mut Findings) {
    let path = &source.path;
    let is_root = path.ends_with("src/lib.rs") || path.ends_with("src/main.rs");
    if is_root && !EDGES.iter().any(|edge| path.starts_with(edge)) && !source.text.contains(FORBID)
    {
        findings.error(format!("{} must say {FORBID}", path.display()));
    }
}

fn is_edge(path: &Path) -> bool {
    EDGES.iter().any(|edge| path.starts_with(edge))
        && !WALLED_OFF.iter().any(|wall| path.starts_with(wall))
}

/// What the word `unsafe` stands in front of.
const OPENERS: [&str; 5] = ["{", "fn ", "impl", "trait", "extern"];

/// How many unsafe blocks, functions, traits and impls `text` has.
fn blocks(text: &str) -> usize {
    let in_line = |line: &str| {
        let behind = code(line).split("unsafe ").skip(1);
        behind.filter(|rest| OPENERS.iter().any(|opener| rest.starts_with(opener))).count()
    };
    text.lines().map(in_line).sum()
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn comments_and_attributes_do_not_count() {
        let text =
            "// unsafe { no }\n#[unsafe(no_mangle)]\nlet x = unsafe { f() };\nunsafe fn g() {}\n";
        assert_eq!(blocks(text), 2);
    }
}
