// SPDX-License-Identifier: MIT OR Apache-2.0
//! The images that have been built use no red zone. A build checks that too, and stops.
use super::Findings;
use crate::{
    build::{self, Profile},
    workspace::{Package, Workspace},
};

pub(super) fn check(workspace: &Workspace, packages: &[Package], findings: &mut Findings) {
    let mut checked = 0;
    for profile in [Profile::Image, Profile::ImageDebug] {
        for linked in build::linked(workspace, profile, packages) {
            match build::check(&linked) {
                Ok(()) => checked += 1,
                Err(error) => findings.error(format!("{}: {error:#}", linked.display())),
            }
        }
    }
    findings.note(format!("{checked} images without red zone and dynamic relocations"));
}
