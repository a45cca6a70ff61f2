// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ramdisk as a place for files.

use alloc::collections::BTreeMap;
use httpd_core::site::Files;
use minios::ramdisk;

/// The files of the domain's ramdisk, a cpio archive, by name.
pub(crate) struct Ramdisk(BTreeMap<&'static str, &'static [u8]>);

impl Ramdisk {
    /// Reads the archive's index.
    pub(crate) fn open() -> Self {
        Self(ramdisk::files().map(|file| (file.name, file.bytes)).collect())
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Files for Ramdisk {
    fn file(&self, path: &str) -> Option<&'static [u8]> {
        self.0.get(path).copied()
    }
}
