// SPDX-License-Identifier: MIT OR Apache-2.0
//! A PVH domain whose memory goes on above the hole below 4 GiB.
use std::{path::Path, time::Instant};

use anyhow::{Result, ensure};

use super::{PATIENCE, PROFILE, domain};
use crate::{
    machine_files::MachineFiles,
    qemu::{Machine, Serial},
    session::Session,
    test::{
        PROMPT,
        outcome::{End, Outcome},
    },
    workspace::Workspace,
};

pub(super) const NAME: &str = "a PVH domain of 4,200 MiB";
/// The machine's memory: QEMU has it when it is written.
const MACHINE_MIB: u32 = 6144;

/// minios uses its highest pages first.
pub(super) fn run(workspace: &Workspace, folder: &Path) -> Result<()> {
    let cfg = [domain("large", "memory_op", "memory = 4200\ntype = \"pvh\"\n")?];
    let files = MachineFiles::make(workspace, PROFILE, &cfg, folder, false)?;
    let mut machine = Machine::new(files.boot(), Serial::Terminal);
    machine.memory_mib = MACHINE_MIB;
    let mut session =
        Session::at_prompt(&machine, &folder.join("toolstack-large.log"), PROMPT, PATIENCE)?;
    session.type_line("create large.cfg")?;
    let outcome = Outcome::follow(&mut session, "[large] ", |_| false, Instant::now() + PATIENCE);
    let end = outcome.end();
    ensure!(end == End::Success, "{end:?}: {} {:?}", outcome.last_line, outcome.complaints);
    Ok(())
}
