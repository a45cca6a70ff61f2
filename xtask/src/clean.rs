// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask clean`: removes what builds and runs left behind.
use anyhow::Result;

use crate::workspace::Workspace;

/// Remove the images and what was made from them.
///
/// The host's builds (xtask itself, unit tests) stay: `cargo clean` removes everything.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// The folders in target/ that xtask fills.
const FOLDERS: [&str; 5] = ["bare", "bare-hv", "debian", "images", "run"];

pub(crate) fn verb(workspace: &Workspace, _: &Args) -> Result<()> {
    for folder in FOLDERS {
        workspace.shell().remove_path(workspace.target_dir().join(folder))?;
    }
    Ok(())
}
