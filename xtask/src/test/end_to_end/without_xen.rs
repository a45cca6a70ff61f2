// SPDX-License-Identifier: MIT OR Apache-2.0
//! An image that somebody gives to QEMU instead of to a hypervisor.
use std::time::Duration;

use anyhow::{Context, Result};

use crate::{
    build::{self, Profile},
    qemu::{Boot, Machine, Serial},
    session::Session,
    workspace::Workspace,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// QEMU enters it as a PVH guest; it says on the serial port what is missing.
pub(super) fn is_told(workspace: &Workspace) -> Result<()> {
    let images = build::images(workspace, Profile::Image, &["hello"])?;
    let hello = images.into_iter().next().context("hello has no image")?;
    let boot = Boot::Kernel { hv: hello, hv_arguments: String::new(), modules: Vec::new() };
    let folder = workspace.target_dir().join("run").join("test");
    let machine = Machine::new(boot, Serial::Terminal);
    let mut session = Session::start(&machine, &folder.join("without-xen.log"))?;
    session.wait_for(|line| line.contains("needs Xen or hv"), PATIENCE)?;
    Ok(())
}
