// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ramdisk: the module that the domain was started with, a cpio archive of format newc.
//!
//! ```no_run
//! use minios::ramdisk;
//! if let Some(page) = ramdisk::file("index.html") {
//!     log::info!("{} bytes of {}", page.len(), ramdisk::bytes().len());
//! }
//! for file in ramdisk::files() {
//!     log::info!("{}", file.name);
//! }
//! ```
pub use minios_core::cpio::File;

use minios_core::cpio;
use xen_abi::start_info::SIF_MOD_START_PFN;

use crate::start_info::start_info;

/// The whole module; empty if there is none.
#[must_use]
pub fn bytes() -> &'static [u8] {
    let info = start_info();
    // Our notes do not ask for a module outside of the mapped area.
    if info.mod_start == 0 || info.mod_len == 0 || info.flags & SIF_MOD_START_PFN != 0 {
        return &[];
    }
    let (Ok(start), Ok(len)) = (usize::try_from(info.mod_start), usize::try_from(info.mod_len))
    else {
        return &[];
    };
    let start = core::ptr::with_exposed_provenance(start);
    // SAFETY: the builder put the module there, mapped; its pages are never freed or written.
    unsafe { core::slice::from_raw_parts(start, len) }
}

/// The files, in the order of the archive; their names have no slash at the beginning.
pub fn files() -> impl Iterator<Item = File<'static>> {
    cpio::files(bytes())
}

/// The contents of the file `name`.
#[must_use]
pub fn file(name: &str) -> Option<&'static [u8]> {
    let name = name.trim_start_matches('/');
    files().find(|file| file.name == name).map(|file| file.bytes)
}
