// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask run`: a machine with the hypervisor, dom0 and apps, in QEMU or Bochs.
use std::path::Path;

use anyhow::Result;

use crate::{
    build::Profile,
    image,
    machine_files::MachineFiles,
    qemu::{Boot, Forward, Machine, Serial},
    ramdisk::{self, Domain},
    setup::{self, Consent, Tool},
    workspace::Workspace,
};

mod accelerator;
mod background;
mod backlog;
mod in_bochs;
mod on_xen;
mod port;
mod raw_terminal;
mod terminal;
use accelerator::Accelerator;
pub(crate) use port::any_free;

/// Start the hypervisor, dom0 and apps in QEMU or Bochs.
///
/// The serial console is on your terminal: dom0's prompt takes `help`, and Ctrl-A x ends the
/// machine. The URL of the first app with a network interface is printed once it answers.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask run                                    httpd, on http://localhost:8080/
  cargo xtask run --app httpd --app echo             two apps beside each other
  cargo xtask run --config my.cfg                    a domain of your own
  cargo xtask run --type pvh                         httpd in hardware virtualization
  cargo xtask run --in bochs --type pvh              the same by VT-x, which Bochs emulates
  cargo xtask run --on xen --type pvh                the same image and cfg on the real Xen
  cargo xtask run --detach --timeout 600             for scripts: prints URL and pid")]
pub(crate) struct Args {
    #[command(flatten)]
    domains: ramdisk::Choice,
    /// The hypervisor: ours, or the real Xen with a Linux dom0, from packages of Debian 12
    #[arg(long, value_enum, default_value_t = Hypervisor::Hv)]
    on: Hypervisor,
    /// The machine: QEMU's, or Bochs' with a processor that has VT-x and without a network
    #[arg(long, value_enum, default_value_t = Emulator::Qemu)]
    r#in: Emulator,
    /// What executes the instructions of QEMU's machine; KVM only where hv boots with it
    #[arg(long, value_enum, default_value_t = Accelerator::Auto)]
    accel: Accelerator,
    /// What the domains are created as, whatever their cfg files say
    #[arg(long, value_name = "TYPE", value_enum)]
    r#type: Option<DomainType>,
    /// How the machine boots
    #[arg(long, value_enum, default_value_t = Medium::Kernel)]
    boot: Medium,
    /// Memory of the machine [default: 256, and 1024 on the real Xen]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(64..=65536))]
    memory: Option<u32>,
    /// Port of this host that leads to port 80 of the app [default: 8080, or a free one]
    #[arg(long)]
    port: Option<u16>,
    /// The emulator's name of a processor model [default: all that there is, or what the real Xen
    /// runs on]
    #[arg(long)]
    cpu: Option<String>,
    /// Wait for gdb, and say how to start it
    #[arg(long, conflicts_with = "detach")]
    gdb: bool,
    /// Let everybody say more, and show QEMU's command line
    #[arg(long)]
    verbose: bool,
    /// Return when the URL answers, and print it and the pid of the machine
    #[arg(long)]
    detach: bool,
    /// End the machine after so many seconds
    #[arg(long, value_name = "S")]
    timeout: Option<u32>,
    /// With assertions, overflow checks and hv's audit hypercall, or without
    #[arg(long, value_enum, default_value_t = Profile::Image)]
    profile: Profile,
    #[command(flatten)]
    consent: Consent,
}

pub(crate) fn verb(workspace: &Workspace, args: &Args) -> Result<()> {
    let mut domains = args.domains.read(workspace)?;
    if let (Hypervisor::Hv, Some(kind)) = (args.on, args.r#type) {
        domains =
            domains.into_iter().map(|domain| domain.with_setting("type", kind.name())).collect();
    }
    if args.r#in == Emulator::Bochs {
        return in_bochs::run(workspace, args, &domains);
    }
    setup::require(args.on.tools(), args.consent)?;
    let port = port::choose(args.port)?;
    let folder = workspace.target_dir().join("run").join(port.to_string());
    let mut machine = match args.on {
        Hypervisor::Hv => on_hv(workspace, args, &domains, &folder)?,
        Hypervisor::Xen => on_xen::machine(workspace, args, &domains, &folder)?,
    };
    machine.cpu = args.cpu.clone().unwrap_or(machine.cpu);
    machine.memory_mib = args.memory.unwrap_or(machine.memory_mib);
    // The first domain that has an address is the one to be reached from outside.
    let address = domains.iter().find_map(|domain| domain.config().address());
    let forward = address.map(|address| Forward::tcp(port, address, 80));
    machine.forwards.extend(forward);
    if args.detach {
        background::run(args, machine, &folder)
    } else {
        terminal::run(workspace, args, machine)
    }
}

fn on_hv(workspace: &Workspace, args: &Args, domains: &[Domain], folder: &Path) -> Result<Machine> {
    let files = MachineFiles::make(workspace, args.profile, domains, folder, args.verbose)?;
    let boot = args.boot.boot(workspace, &files, folder, args.consent)?;
    let mut machine = Machine::new(boot, Serial::Terminal);
    machine.accelerator = args.accel.choose(workspace, &files.hv).to_owned();
    Ok(machine)
}

/// What the machine is emulated by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Emulator {
    /// The fast one, with AMD-V
    Qemu,
    /// The one with VT-x
    Bochs,
}

/// What runs the domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Hypervisor {
    /// hv, with our dom0
    Hv,
    /// The real Xen, with a Linux dom0
    Xen,
}

impl Hypervisor {
    /// What it takes to start it.
    pub(crate) fn tools(self) -> &'static [Tool] {
        match self {
            Hypervisor::Hv => &[Tool::Qemu],
            Hypervisor::Xen => &Tool::XEN,
        }
    }
}

/// How a domain is virtualized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DomainType {
    /// By page tables that the hypervisor checks
    Pv,
    /// By the processor
    Pvh,
}

impl DomainType {
    /// As it is written in a cfg file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            DomainType::Pv => "pv",
            DomainType::Pvh => "pvh",
        }
    }
}

/// How a machine boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Medium {
    /// By QEMU's multiboot loader, the fastest
    Kernel,
    /// From a CD, by GRUB
    Cd,
    /// From a disk, by GRUB
    Disk,
}

impl Medium {
    fn boot(
        self,
        workspace: &Workspace,
        files: &MachineFiles,
        folder: &Path,
        consent: Consent,
    ) -> Result<Boot> {
        let (kind, path) = match self {
            Medium::Kernel => return Ok(files.boot()),
            Medium::Cd => (image::Kind::Cd, folder.join("hv.iso")),
            Medium::Disk => (image::Kind::Disk, folder.join("hv.img")),
        };
        setup::require(&Tool::IMAGE, consent)?;
        image::make(workspace, files, kind, &path)?;
        Ok(match kind {
            image::Kind::Cd => Boot::Cd(path),
            image::Kind::Disk => Boot::Disk(path),
        })
    }
}

impl Args {
    /// The command that ends the machine after `--timeout`, to be put in front of QEMU's.
    fn wrapper(&self) -> Vec<String> {
        let seconds = self.timeout.map(|seconds| seconds.to_string());
        seconds.map_or_else(Vec::new, |s| ["timeout", "--foreground", &s].map(str::to_owned).into())
    }
}

/// Port of this host that leads to the service, if there is one.
fn service_port(machine: &Machine) -> Option<u16> {
    machine.forwards.first().map(|forward| forward.host_port)
}

/// The address that a browser takes.
fn url(port: u16) -> String {
    format!("http://localhost:{port}/")
}
