// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of dom0's ramdisk, by the paths that configurations use.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use minios::ramdisk;

/// Where configurations are.
const CONFIGS: &str = "etc/xen";
/// Configurations of the domains that start by themselves.
const AUTO: &str = "etc/xen/auto";

/// A file's contents; a leading slash in `path` makes no difference.
pub(crate) fn read(path: &str) -> Option<&'static [u8]> {
    ramdisk::file(path.trim_start_matches('/'))
}

/// Paths of the configurations of domains that start by themselves, sorted.
pub(crate) fn auto_configs() -> Vec<String> {
    let is_auto = |name: &str| {
        let rest = name.strip_prefix(AUTO).and_then(|rest| rest.strip_prefix('/'));
        rest.is_some_and(|rest| rest.ends_with(".cfg") && !rest.contains('/'))
    };
    let names = ramdisk::files().map(|file| file.name);
    let mut names: Vec<String> = names.filter(|name| is_auto(name)).map(str::to_string).collect();
    names.sort();
    names
}

/// The configuration that a person means by `name`: a path, or the name of a file in
/// `etc/xen` or `etc/xen/auto`, with or without `.cfg`.
pub(crate) fn find_config(name: &str) -> Option<String> {
    let mut candidates = Vec::new();
    for base in [String::new(), format!("{CONFIGS}/"), format!("{AUTO}/")] {
        candidates.push(format!("{base}{name}"));
        candidates.push(format!("{base}{name}.cfg"));
    }
    candidates.into_iter().find(|path| read(path).is_some())
}
