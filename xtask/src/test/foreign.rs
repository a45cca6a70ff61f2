// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images that others built, as domUs of hv: GRUB for Xen and Linux, from Debian's packages. One
//! machine runs them all beside httpd, as somebody at dom0's prompt would.
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};

use super::{
    domains::{self, PROMPT},
    tally::Tally,
};
use crate::{
    build::Profile,
    debian::{BUSYBOX_PACKAGE, Debian, Linux},
    machine_files::MachineFiles,
    qemu::{Forward, Machine, Protocol, Serial},
    ramdisk::Domain,
    run::any_free,
    session::Session,
    workspace::Workspace,
};

mod grub;
mod linux;

const PROFILE: Profile = Profile::ImageDebug;
/// The machine's memory, in MiB: Linux' unpacked kernel is in dom0's ramdisk too.
const MEMORY_MIB: u32 = 768;
/// How long anything may take: Linux' boot, the longest, takes four seconds on an idle host.
const PATIENCE: Duration = Duration::from_secs(180);
const PACKAGES: [&str; 3] = ["grub-xen-host", "grub-xen-bin", BUSYBOX_PACKAGE];

/// A test on the machine.
type Test = fn(&mut Foreign) -> Result<()>;

const TESTS: [(&str, Test); 10] = [
    ("GRUB reaches its shell", grub::shell),
    ("GRUB starts a minios image", grub::chain),
    ("Linux boots to a shell", linux::boot),
    ("Linux answers ping", linux::ping),
    ("Linux knows the time", linux::clock),
    ("a file from Linux by HTTP has its SHA-256", linux::http),
    ("Linux gets 16 MiB from httpd with their SHA-256", linux::client),
    ("Linux gives memory back and takes more", linux::balloon),
    ("Linux powers off when asked to", linux::shutdown),
    ("hv's books are in order", |foreign| domains::audit(&mut foreign.session)),
];

/// The machine, at whose prompt somebody types.
struct Foreign {
    session: Session,
    /// The port of this host that leads to Linux' web server.
    port: u16,
    /// How long Linux took to boot.
    linux_boot: Duration,
}

/// Runs the tests. Where the packages cannot be had they are skipped, unless somebody has `asked`
/// for them.
pub(super) fn run(workspace: &Workspace, tally: &mut Tally, asked: bool) -> Result<()> {
    tally.begin("foreign guests");
    let images = match Images::fetch(workspace) {
        Ok(images) => images,
        Err(error) if asked => {
            tally.fail("images from Debian", &format!("{error:#}"));
            return Ok(());
        }
        Err(error) => {
            tally.skip("images from Debian", &format!("{error:#}"));
            return Ok(());
        }
    };
    let mut foreign = start(workspace, &images)?;
    for (name, test) in TESTS {
        tally.run(name, || test(&mut foreign));
    }
    Ok(())
}

/// The files of the guests.
struct Images {
    grub: PathBuf,
    grub_modules: PathBuf,
    vmlinux: PathBuf,
    linux_ramdisk: PathBuf,
}

impl Images {
    /// Fetches, or takes from an earlier run, what Debian has, and makes what Linux needs.
    fn fetch(workspace: &Workspace) -> Result<Self> {
        let debian = Debian::new(workspace);
        debian.require(&PACKAGES)?;
        let linux = Linux::fetch(&debian)?;
        let linux_ramdisk = debian.made("foreign-linux.cpio");
        fs::write(&linux_ramdisk, linux::ramdisk(&debian, &linux)?.bytes())?;
        let modules = debian.path(grub::MODULES)?;
        Ok(Self {
            grub: debian.path(grub::IMAGE)?,
            grub_modules: modules.parent().context("a file without a folder")?.to_path_buf(),
            vmlinux: linux.vmlinux()?,
            linux_ramdisk,
        })
    }
}

fn start(workspace: &Workspace, images: &Images) -> Result<Foreign> {
    let folder = workspace.target_dir().join("run").join("test");
    fs::create_dir_all(&folder)?;
    let domains = [
        Domain::of_app(workspace, "httpd")?,
        domain(&folder, &grub::config(&images.grub))?,
        domain(&folder, &grub::chain_config(workspace, &images.grub_modules, &folder)?)?,
        domain(&folder, &linux::config(&images.vmlinux, &images.linux_ramdisk))?,
    ];
    let files = MachineFiles::make(workspace, PROFILE, &domains, &folder, false)?;
    let mut machine = Machine::new(files.boot(), Serial::Terminal);
    machine.memory_mib = MEMORY_MIB;
    let port = any_free()?;
    let address = linux::ADDRESS.to_owned();
    machine.forwards.push(Forward { protocol: Protocol::Tcp, host_port: port, address, port: 80 });
    let mut session = Session::start(&machine, &folder.join("foreign.log"))?;
    session.wait_for_prompt(PROMPT, PATIENCE).context("dom0 does not come up")?;
    Ok(Foreign { session, port, linux_boot: Duration::ZERO })
}

fn domain(folder: &Path, text: &str) -> Result<Domain> {
    Domain::new(folder.join("foreign.cfg"), text.to_owned())
}

impl Foreign {
    /// Makes the domain `name`, and waits for a line of its console that `is_it`.
    fn create(&mut self, name: &str, is_it: impl Fn(&str) -> bool) -> Result<String> {
        self.session.type_line(&format!("create {name}.cfg"))?;
        let prefix = format!("[{name}] ");
        let says = |line: &str| line.strip_prefix(&prefix).is_some_and(&is_it);
        self.session.wait_for(says, PATIENCE)
    }

    /// Types to the domain `name` from now on.
    fn attach(&mut self, name: &str) -> Result<()> {
        self.session.type_line(&format!("console {name}"))?;
        self.session.wait_for(|line| line.starts_with("you type to"), PATIENCE)?;
        Ok(())
    }

    /// Types to dom0 again.
    fn detach(&mut self) -> Result<()> {
        self.session.type_text("\x1d")?;
        self.session.wait_for_prompt(PROMPT, PATIENCE)
    }

    /// Waits until dom0 tells that the domain `name` has ended.
    fn wait_for_end(&mut self, name: &str) -> Result<()> {
        self.session.wait_for(|line| domains::tells_end(line, name), PATIENCE)?;
        Ok(())
    }
}
