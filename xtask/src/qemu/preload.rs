// SPDX-License-Identifier: MIT OR Apache-2.0
//! A library of our own in front of QEMU's C library, for one function: `listen`.
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

/// The environment variable that names it to the dynamic linker.
pub(super) const VARIABLE: &str = "LD_PRELOAD";
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/preload/listen.rs");
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/preload");

/// The library, built when it is missing or older than its source. `None` if it cannot be built:
/// QEMU works without it, but many clients at once are then served slowly.
pub(super) fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    LIBRARY.get_or_init(build).as_deref()
}

fn build() -> Option<PathBuf> {
    let library = Path::new(FOLDER).join("liblisten.so");
    let changed = |path: &Path| path.metadata().and_then(|it| it.modified()).ok();
    if changed(&library) > changed(Path::new(SOURCE)) {
        return library.canonicalize().ok();
    }
    std::fs::create_dir_all(FOLDER).ok()?;
    // Built beside and then renamed: another xtask may be at it.
    let partial = library.with_extension(format!("{}.so", std::process::id()));
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "--crate-type", "cdylib", "-Cpanic=abort", "-O", "-o"]);
    rustc.arg(&partial).arg(SOURCE).stderr(Stdio::null());
    let built = rustc.status().is_ok_and(|status| status.success());
    if !built || std::fs::rename(&partial, &library).is_err() {
        return None;
    }
    library.canonicalize().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_built() {
        assert!(super::library().is_some_and(|path| path.is_file()));
    }
}
