// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same domains on a machine of Bochs, whose serial console is the terminal.
use std::{
    fs::File,
    io::{Read, Write, stdin, stdout},
    process::Child,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{Accelerator, Args, Hypervisor, Medium, raw_terminal::RawTerminal};
use crate::{
    bochs::{Clock, Machine},
    image,
    machine::{Emulated, Started},
    machine_files::MachineFiles,
    ramdisk::Domain,
    setup::{self, Tool},
    workspace::Workspace,
};

/// Ctrl-A and the key behind it that ends the machine, as with QEMU.
const ESCAPE: u8 = 0x01;
const END: u8 = b'x';
/// A day: no limit.
const LONG: Duration = Duration::from_secs(86400);

/// Runs the machine until it ends.
pub(super) fn run(workspace: &Workspace, args: &Args, domains: &[Domain]) -> Result<()> {
    ensure!(
        args.on == Hypervisor::Hv && args.boot != Medium::Disk,
        "--in bochs boots hv, from a CD"
    );
    ensure!(
        args.port.is_none() && !args.detach && !args.gdb && args.accel == Accelerator::Auto,
        "--port, --detach, --gdb and --accel are for QEMU, not --in bochs"
    );
    setup::require(&[&Tool::BOCHS[..], &Tool::IMAGE].concat(), args.consent)?;
    let folder = workspace.target_dir().join("run").join("bochs");
    let files = MachineFiles::make(workspace, args.profile, domains, &folder, args.verbose)?;
    let cd = folder.join("hv.iso");
    image::make(workspace, &files, image::Kind::Cd, &cd)?;
    let mut machine = Machine::new(cd, folder.clone());
    machine.cpu = args.cpu.clone().unwrap_or(machine.cpu);
    machine.memory_mib = args.memory.unwrap_or(machine.memory_mib);
    machine.clock = Clock::Host;
    for address in domains.iter().filter_map(|domain| domain.config().address()) {
        eprintln!(
            "No network leads out of Bochs; at dom0's prompt type: fetch --print http://{address}/"
        );
    }
    eprintln!("Ctrl-A x ends the machine.");
    let started = machine.start(File::create(folder.join("bochs.out"))?)?;
    let terminal = RawTerminal::enter();
    let limit = args.timeout.map_or(LONG, |seconds| Duration::from_secs(seconds.into()));
    let result = relay(started, limit);
    drop(terminal);
    eprintln!();
    result
}

/// What happens to the console.
enum Event {
    Printed(Vec<u8>),
    /// The user wants to end, or the machine has ended.
    Ended,
}

/// Connects the machine's console and the terminal, for `limit` at most.
fn relay(started: Started, limit: Duration) -> Result<()> {
    let Started { child, input, output } = started;
    let _machine = Ending(child);
    let (sender, events) = channel();
    let keys = sender.clone();
    thread::spawn(move || type_in(input, &keys));
    thread::spawn(move || print_out(output, &sender));
    let deadline = Instant::now() + limit;
    loop {
        match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Event::Printed(bytes)) => {
                let mut terminal = stdout().lock();
                terminal.write_all(&bytes)?;
                terminal.flush()?;
            }
            Ok(Event::Ended) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return Ok(());
            }
        }
    }
}

/// A machine that ends when this is dropped.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Hands what is typed to the machine until its user wants to end it.
fn type_in(mut machine: Box<dyn Write + Send>, events: &Sender<Event>) {
    let mut keys = stdin().lock().bytes();
    while let Some(Ok(mut key)) = keys.next() {
        if key == ESCAPE {
            match keys.next() {
                Some(Ok(END)) => {
                    // Whoever would read it has ended too.
                    let _ = events.send(Event::Ended);
                    break;
                }
                Some(Ok(next)) => key = next,
                _ => break,
            }
        }
        if machine.write_all(&[key]).is_err() {
            break;
        }
    }
}

fn print_out(mut machine: Box<dyn Read + Send>, events: &Sender<Event>) {
    let mut buffer = [0; 4096];
    while let Ok(len @ 1..) = machine.read(&mut buffer) {
        if events.send(Event::Printed(buffer[..len].to_vec())).is_err() {
            return;
        }
    }
    // Nobody may be there any more.
    let _ = events.send(Event::Ended);
}
