// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine that goes on after xtask has returned.
use std::{
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{Args, backlog, service_port, url};
use crate::{
    http,
    progress::Step,
    qemu::{Machine, Serial},
};

/// How long a machine may take until it answers.
const PATIENCE: Duration = Duration::from_secs(180);

/// Starts the machine, waits until it answers, and says where it is.
pub(super) fn run(args: &Args, mut machine: Machine, folder: &Path) -> Result<()> {
    let log = folder.join("console.log");
    let socket = folder.join("console.sock");
    // By its name in the folder: the path of a socket may not have more than 107 bytes.
    machine.serial = Serial::Files { log: log.clone(), socket: "console.sock".into() };
    let wrapper = args.wrapper();
    let mut command = machine.command(&wrapper.iter().map(String::as_str).collect::<Vec<_>>());
    if args.verbose {
        eprintln!("{command:?}");
    }
    let errors = folder.join("qemu.log");
    command.stdin(Stdio::null()).stdout(Stdio::null()).process_group(0).current_dir(folder);
    let mut child = command.stderr(fs::File::create(&errors)?).spawn().context("no QEMU")?;
    if let Some(port) = service_port(&machine) {
        let _step = Step::start(format!("Waiting for {}", url(port)));
        if let Err(error) = wait(&mut child, port) {
            let text = fs::read_to_string(&errors).unwrap_or_default();
            bail!("{error}: {} has the console. {}", log.display(), text.trim());
        }
        backlog::widen(port);
        println!("url {}", url(port));
    }
    println!("pid {}", child.id());
    println!("console {}", log.display());
    println!("prompt {}", socket.display());
    Ok(())
}

fn wait(child: &mut Child, port: u16) -> Result<()> {
    let start = Instant::now();
    while !http::answers(port, "/") {
        if let Some(status) = child.try_wait()? {
            bail!("the machine ended before it answered ({status})");
        }
        if start.elapsed() > PATIENCE {
            child.kill()?;
            bail!("nothing answers at {} after {} s", url(port), PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
