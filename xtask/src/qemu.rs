// SPDX-License-Identifier: MIT OR Apache-2.0
//! The emulated machine: QEMU's command line.
use std::{
    ffi::OsString,
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use crate::machine::{Emulated, Started};

#[cfg(test)]
mod tests;

pub(crate) const PROGRAM: &str = "qemu-system-x86_64";
/// What QEMU's DHCP server gives to who asks first: behind the addresses that dom0 and the cfgs
/// of apps have.
pub(crate) const FIRST_LEASE: &str = "10.0.2.32";

/// A machine to start.
pub(crate) struct Machine {
    /// What it boots.
    pub(crate) boot: Boot,
    /// QEMU's name of what executes instructions.
    pub(crate) accelerator: String,
    /// QEMU's name of the processor model.
    pub(crate) cpu: String,
    pub(crate) memory_mib: u32,
    pub(crate) forwards: Vec<Forward>,
    pub(crate) serial: Serial,
    /// Instructions are counted and are the clock: each takes two to the power of this, in ns.
    pub(crate) counted: Option<u32>,
    /// Port of a gdb stub; the machine waits for gdb.
    pub(crate) gdb: Option<u16>,
}

/// What a machine boots.
pub(crate) enum Boot {
    /// The hypervisor and its modules, by QEMU's own multiboot loader.
    Kernel {
        hv: PathBuf,
        hv_arguments: String,
        /// Files with their arguments; the first is dom0.
        modules: Vec<(PathBuf, String)>,
    },
    /// A CD.
    Cd(PathBuf),
    /// A raw disk.
    Disk(PathBuf),
}

/// A port of the host that leads into the machine's network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forward {
    pub(crate) protocol: Protocol,
    pub(crate) host_port: u16,
    pub(crate) address: String,
    pub(crate) port: u16,
}

/// What a port is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

impl Forward {
    /// A TCP port.
    pub(crate) fn tcp(host_port: u16, address: &str, port: u16) -> Self {
        Self { protocol: Protocol::Tcp, host_port, address: address.to_owned(), port }
    }

    /// A UDP port.
    pub(crate) fn udp(host_port: u16, address: &str, port: u16) -> Self {
        Self { protocol: Protocol::Udp, ..Self::tcp(host_port, address, port) }
    }
}

/// Where the serial port goes.
pub(crate) enum Serial {
    /// To the terminal; Ctrl-A is the escape.
    Terminal,
    /// To a file, and to whoever connects to the Unix socket beside it.
    Files { log: PathBuf, socket: PathBuf },
}

impl Machine {
    /// The machine that boots `boot`, with the usual values for all else.
    pub(crate) fn new(boot: Boot, serial: Serial) -> Self {
        Self {
            boot,
            accelerator: "tcg".to_owned(),
            cpu: "max".to_owned(),
            memory_mib: 256,
            forwards: Vec::new(),
            serial,
            counted: None,
            gdb: None,
        }
    }

    /// The command that starts it, preceded by the words of `wrapper` (for example `timeout 5`).
    pub(crate) fn command(&self, wrapper: &[&str]) -> Command {
        let mut words = wrapper.iter().map(OsString::from).chain([PROGRAM.into()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).args(self.arguments());
        command
    }

    fn arguments(&self) -> Vec<OsString> {
        let mut arguments = Arguments::default();
        arguments.words("-nodefaults -no-user-config -no-reboot -display none -machine pc");
        arguments.words("-device isa-debug-exit,iobase=0xf4,iosize=1");
        arguments.pair("-accel", &self.accelerator);
        arguments.pair("-cpu", &self.cpu);
        arguments.pair("-m", self.memory_mib.to_string());
        arguments.pair("-netdev", self.netdev());
        // Without its boot ROM, which is in a package of its own.
        arguments.words("-device virtio-net-pci,netdev=net,romfile=");
        self.boot_arguments(&mut arguments);
        self.serial_arguments(&mut arguments);
        if let Some(shift) = self.counted {
            arguments.pair("-icount", format!("shift={shift},sleep=off"));
            arguments.words("-rtc base=2026-01-01,clock=vm");
        }
        if let Some(port) = self.gdb {
            arguments.pair("-gdb", format!("tcp:127.0.0.1:{port}"));
            arguments.words("-S");
        }
        arguments.0
    }

    fn boot_arguments(&self, arguments: &mut Arguments) {
        match &self.boot {
            Boot::Kernel { hv, hv_arguments, modules } => {
                arguments.pair("-kernel", hv);
                arguments.pair("-append", hv_arguments);
                let modules = modules.iter().map(|(path, text)| {
                    format!("{} {}", escape(path), text.replace(',', ",,")).trim_end().to_owned()
                });
                let modules = modules.collect::<Vec<_>>().join(",");
                if !modules.is_empty() {
                    arguments.pair("-initrd", modules);
                }
            }
            Boot::Cd(iso) => arguments.pair("-cdrom", iso),
            Boot::Disk(disk) => {
                arguments.pair("-drive", format!("format=raw,snapshot=on,file={}", escape(disk)));
            }
        }
    }

    fn serial_arguments(&self, arguments: &mut Arguments) {
        match &self.serial {
            Serial::Terminal => arguments.words("-serial mon:stdio"),
            Serial::Files { log, socket } => {
                let (log, socket) = (escape(log), escape(socket));
                let options = format!("path={socket},server=on,wait=off,logfile={log}");
                arguments.pair("-chardev", format!("socket,id=serial,{options}"));
                arguments.words("-monitor none -serial chardev:serial");
            }
        }
    }

    fn netdev(&self) -> String {
        let forwards = self.forwards.iter().map(|forward| {
            let Forward { protocol, host_port, address, port } = forward;
            let protocol = match protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
            };
            format!(",hostfwd={protocol}:127.0.0.1:{host_port}-{address}:{port}")
        });
        format!("user,id=net,dhcpstart={FIRST_LEASE}{}", forwards.collect::<String>())
    }
}

impl Emulated for Machine {
    /// The serial port must be the terminal.
    fn start(&self, errors: File) -> Result<Started> {
        let mut command = self.command(&[]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().context("QEMU does not start")?;
        let input = Box::new(child.stdin.take().context("no pipe to QEMU")?);
        let output = Box::new(child.stdout.take().context("no pipe from QEMU")?);
        Ok(Started { child, input, output })
    }
}

#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn words(&mut self, words: &str) {
        self.0.extend(words.split(' ').map(OsString::from));
    }

    fn pair(&mut self, option: &str, value: impl Into<OsString>) {
        self.0.extend([option.into(), value.into()]);
    }
}

/// A path inside a list that QEMU separates by commas.
fn escape(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
