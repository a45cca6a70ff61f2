// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine whose serial console is the terminal.
use std::{thread, time::Duration};

use anyhow::{Context, Result, bail};

use super::{Args, backlog, port, service_port, url};
use crate::{
    http,
    qemu::Machine,
    workspace::{TARGET, Workspace},
};

/// QEMU's status when hv has powered its machine off, by the exit device.
const POWERED_OFF: i32 = 9;
/// Status of `timeout` when the time is over.
const TIMED_OUT: i32 = 124;

/// Runs the machine until it ends.
pub(super) fn run(workspace: &Workspace, args: &Args, mut machine: Machine) -> Result<()> {
    if let Some(port) = service_port(&machine) {
        thread::spawn(move || announce(port));
    }
    if args.gdb {
        let stub = port::any_free()?;
        machine.gdb = Some(stub);
        let profile = args.profile.name();
        let image = workspace.target_dir().join("bare-hv").join(TARGET).join(profile).join("hv");
        eprintln!("The machine waits for: gdb {} -ex 'target remote :{stub}'", image.display());
    }
    let wrapper = args.wrapper();
    let mut command = machine.command(&wrapper.iter().map(String::as_str).collect::<Vec<_>>());
    if args.verbose {
        eprintln!("{command:?}");
    }
    eprintln!("Ctrl-A x ends the machine.");
    let status = command.status().context("QEMU does not start")?;
    match status.code() {
        Some(0 | POWERED_OFF | TIMED_OUT) => Ok(()),
        _ => bail!("the machine ended badly ({status}): its last lines above say why"),
    }
}

/// Prints the URL once it answers. The terminal is in raw mode, hence the `\r`.
fn announce(port: u16) {
    while !http::answers(port, "/") {
        thread::sleep(Duration::from_millis(50));
    }
    backlog::widen(port);
    eprint!("\r\n==> {} answers\r\n", url(port));
}
