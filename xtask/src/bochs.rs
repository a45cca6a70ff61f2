// SPDX-License-Identifier: MIT OR Apache-2.0
//! The other emulated machine: Bochs, whose processors have VT-x with all that hv uses of it. There
//! is no network device that dom0 has a driver for, and it is slower than QEMU.
//!
//! Debian's Bochs is built with a debugger, which is told to go on at once, and draws the screen
//! on a terminal of its own that nobody looks at. The serial port is a connection to us.
use std::{
    fs::{self, File},
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    machine::{Emulated, Started},
    setup,
};

#[cfg(test)]
mod tests;

pub(crate) const PROGRAM: &str = "bochs";
/// Firmware and screen, where the packages have them.
pub(crate) const BIOS: &str = "/usr/share/bochs/BIOS-bochs-latest";
pub(crate) const SCREEN: &str = "/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so";
pub(crate) const VGA_BIOS: &str = "/usr/share/bochs/VGABIOS-lgpl-latest";
/// Bochs' name of a processor with VT-x, EPT and unrestricted guests.
pub(crate) const VTX_CPU: &str = "corei7_skylake_x";
/// Bochs' name of a processor with AMD-V and nested paging.
pub(crate) const SVM_CPU: &str = "ryzen";
/// Instructions to a second of the machine. About what Bochs manages; with fewer, a wait for a
/// time of the machine ends sooner.
const IPS: u32 = 50_000_000;
/// How long Bochs may take until it opens the serial port.
const PATIENCE: Duration = Duration::from_secs(30);

/// Files in the machine's folder.
const CONFIGURATION: &str = "bochsrc";
const COMMANDS: &str = "debugger";
const LOG: &str = "bochs.log";

/// A machine to start.
pub(crate) struct Machine {
    /// The CD that it boots.
    pub(crate) cd: PathBuf,
    /// Where its own files go.
    pub(crate) folder: PathBuf,
    /// Bochs' name of the processor model.
    pub(crate) cpu: String,
    pub(crate) memory_mib: u32,
    pub(crate) clock: Clock,
}

/// How the machine's time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// With the instructions: nobody waits, and each run is the same.
    Instructions,
    /// At most as fast as the host's: for who watches.
    Host,
}

impl Machine {
    /// The machine that boots `cd`, with the usual values for all else. Its own files go into
    /// `folder`.
    pub(crate) fn new(cd: PathBuf, folder: PathBuf) -> Self {
        Self { cd, folder, cpu: VTX_CPU.to_owned(), memory_mib: 256, clock: Clock::Instructions }
    }

    /// Bochs' configuration, with the serial port connected to TCP port `serial` of this host.
    fn configuration(&self, serial: u16) -> String {
        let Self { cd, cpu, memory_mib, .. } = self;
        let sync = match self.clock {
            Clock::Instructions => "none",
            Clock::Host => "slowdown",
        };
        // Registers that a processor does not have are a #GP, but Bochs' AMD processors lack one of
        // AMD-V's own, VM_CR.
        let ignore_bad_msrs = u8::from(cpu == SVM_CPU);
        format!(
            "config_interface: textconfig\n\
             display_library: term\n\
             cpu: model={cpu}, ips={IPS}, reset_on_triple_fault=0, ignore_bad_msrs={ignore_bad_msrs}\n\
             megs: {memory_mib}\n\
             romimage: file={BIOS}\n\
             vgaromimage: file={VGA_BIOS}\n\
             ata0-master: type=cdrom, path=\"{}\", status=inserted\n\
             boot: cdrom\n\
             com1: enabled=1, mode=socket-client, dev=127.0.0.1:{serial}\n\
             clock: sync={sync}, time0=utc\n\
             speaker: enabled=0\n\
             mouse: enabled=0\n\
             log: {LOG}\n\
             panic: action=fatal\n\
             error: action=report\n\
             info: action=report\n\
             debug: action=ignore\n",
            cd.display()
        )
    }

    fn command(&self) -> Command {
        let mut words = vec![PROGRAM, "-q", "-f", CONFIGURATION, "-rc", COMMANDS];
        // Bochs takes no notice of SIGTERM: it ends with us, however we end.
        if setup::on_path("setpriv") {
            words.splice(0..0, ["setpriv", "--pdeathsig", "KILL"]);
        }
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(&self.folder).env("TERM", "dumb");
        command
    }
}

impl Emulated for Machine {
    fn start(&self, errors: File) -> Result<Started> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
        fs::create_dir_all(&self.folder)?;
        let serial = listener.local_addr()?.port();
        fs::write(self.folder.join(CONFIGURATION), self.configuration(serial))?;
        fs::write(self.folder.join(COMMANDS), "continue\n")?;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(errors.try_clone()?).stderr(errors);
        let mut child = command.spawn().context("Bochs does not start")?;
        match accept(&listener, &mut child) {
            Ok(stream) => Ok(Started {
                child,
                input: Box::new(stream.try_clone()?),
                output: Box::new(stream),
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error.context(reason(&self.folder.join(LOG))))
            }
        }
    }
}

/// Bochs' connection for the serial port.
fn accept(listener: &TcpListener, bochs: &mut Child) -> Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                // A key at a time is worth a packet.
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error.into()),
            Err(_) if start.elapsed() > PATIENCE => bail!("Bochs opens no serial port"),
            Err(_) => {}
        }
        if let Some(status) = bochs.try_wait()? {
            bail!("Bochs has ended ({status})");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// What Bochs says in its log of why it ended.
fn reason(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let panic = text.lines().find_map(|line| line.split_once(">>PANIC<< ").map(|(_, why)| why));
    panic.map_or_else(|| format!("{} may say why", log.display()), |why| why.trim().to_owned())
}
