// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask lint`: the rules of the repository that no compiler knows.
use anyhow::{Result, bail};

use crate::{progress::Step, workspace::Workspace};

mod headers;
mod imports;
mod red_zone;
mod sizes;
mod source;
mod unsafe_code;

/// Check the rules of this repository: who imports whom, sizes of files, where unsafe code is.
///
/// Also: the licence line and a description at the top of each file, no work left undone, and no
/// red zone in the images that have been built.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// What the checks found.
#[derive(Default)]
struct Findings {
    errors: Vec<String>,
    notes: Vec<String>,
}

impl Findings {
    fn error(&mut self, text: impl Into<String>) {
        self.errors.push(text.into());
    }

    fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }
}

pub(crate) fn verb(workspace: &Workspace, _: &Args) -> Result<()> {
    let mut findings = Findings::default();
    let sources = source::all(workspace.root())?;
    let packages = workspace.packages()?;
    imports::check(&packages, &mut findings);
    sizes::check(&sources, &mut findings);
    headers::check(&sources, &mut findings);
    unsafe_code::check(&packages, &sources, &mut findings);
    let step = Step::start("Looking at all images");
    red_zone::check(workspace, &packages, &mut findings);
    drop(step);
    for note in &findings.notes {
        println!("{note}");
    }
    for error in &findings.errors {
        eprintln!("error: {error}");
    }
    match findings.errors.len() {
        0 => Ok(()),
        1 => bail!("one rule is broken"),
        count => bail!("{count} rules are broken"),
    }
}
