// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images that others built, as domUs of hv: GRUB for Xen and Linux, from Debian's packages. One
//! machine runs them all beside httpd, as somebody at dom0's prompt would.
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;

use super::{
    domains::{self, PROMPT},
    tally::Tally,
};
use crate::{
    build::Profile,
    debian::{BUSYBOX_PACKAGE, Debian, Linux},
    machine_files::MachineFiles,
    qemu::{Forward, Machine, Serial},
    ramdisk::Domain,
    run::any_free,
    session::Session,
    workspace::Workspace,
};

pub(super) mod grub;
mod linux;
use linux::Guest;

const PROFILE: Profile = Profile::ImageDebug;
/// The machine's memory, in MiB: Linux' unpacked kernel is in dom0's ramdisk too.
const MEMORY_MIB: u32 = 768;
/// How long anything may take: Linux' boot, the longest, takes four seconds on an idle host.
const PATIENCE: Duration = Duration::from_secs(180);
/// The addresses of httpd, PV (by its cfg) and PVH.
const HTTPD: [&str; 2] = ["10.0.2.16", "10.0.2.19"];
const PACKAGES: [&str; 3] = ["grub-xen-host", grub::MODULES_PACKAGE, BUSYBOX_PACKAGE];

/// A test on the machine.
type Test = fn(&mut Foreign) -> Result<()>;

const TESTS: [(&str, Test); 2] =
    [("GRUB reaches its shell", grub::shell), ("GRUB starts a minios image", grub::chain)];

/// A test of Linux, which is on the machine in several modes.
type LinuxTest = fn(&mut Foreign, &mut Guest) -> Result<()>;

const LINUX_TESTS: [(&str, LinuxTest); 8] = [
    ("boots to a shell", linux::boot),
    ("answers ping", linux::ping),
    ("knows the time", linux::clock),
    ("sends a file by HTTP with its SHA-256", linux::http),
    ("gets 16 MiB from httpd, PV and PVH, with their SHA-256", linux::client),
    ("and httpd, PV and PVH, serve at once", linux::beside_others),
    ("gives memory back and takes more", linux::balloon),
    ("powers off when asked to", linux::shutdown),
];

/// The machine, at whose prompt somebody types.
struct Foreign {
    session: Session,
    /// The ports of this host that lead to httpd, PV and PVH.
    httpd: [u16; 2],
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
    let guests = Guest::all()?;
    let mut foreign = start(workspace, &images, &guests)?;
    for (name, test) in TESTS {
        tally.run(name, || test(&mut foreign));
    }
    for mut guest in guests {
        let mode = guest.mode.name();
        for (name, test) in LINUX_TESTS {
            tally.run(&format!("Linux as {mode} {name}"), || test(&mut foreign, &mut guest));
        }
    }
    tally.run("hv's books are in order", || domains::audit(&mut foreign.session));
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
        Ok(Self {
            grub: debian.path(grub::IMAGE)?,
            grub_modules: grub::modules(&debian)?,
            vmlinux: linux.vmlinux()?,
            linux_ramdisk,
        })
    }
}

fn start(workspace: &Workspace, images: &Images, guests: &[Guest]) -> Result<Foreign> {
    let folder = workspace.target_dir().join("run").join("test");
    fs::create_dir_all(&folder)?;
    let mut domains = vec![
        Domain::of_app(workspace, "httpd")?,
        domain(&folder, &httpd_pvh())?,
        domain(&folder, &grub::config(&images.grub))?,
        domain(&folder, &grub::chain_config(workspace, &images.grub_modules, &folder)?)?,
    ];
    for guest in guests {
        let config = guest.config(&images.vmlinux, &images.linux_ramdisk);
        domains.push(guest.mode.virtualize(domain(&folder, &config)?));
    }
    let files = MachineFiles::make(workspace, PROFILE, &domains, &folder, false)?;
    let mut machine = Machine::new(files.boot(), Serial::Terminal);
    machine.memory_mib = MEMORY_MIB;
    let httpd = [any_free()?, any_free()?];
    let servers = HTTPD.into_iter().zip(httpd);
    let guests = guests.iter().map(|guest| (guest.address, guest.port));
    machine.forwards =
        servers.chain(guests).map(|(address, port)| Forward::tcp(port, address, 80)).collect();
    let session = Session::at_prompt(&machine, &folder.join("foreign.log"), PROMPT, PATIENCE)?;
    let mut foreign = Foreign { session, httpd };
    let is_serving = |line: &str| line.contains("httpd: serving");
    foreign.create("httpd_pvh", is_serving)?;
    Ok(foreign)
}

/// A second httpd, in hardware virtualization.
fn httpd_pvh() -> String {
    let address = HTTPD[1];
    format!(
        "name = \"httpd_pvh\"\ntype = \"pvh\"\nkernel = \"/boot/httpd\"\n\
         ramdisk = \"/boot/httpd.cpio\"\nextra = \"ip={address}/24 gw=10.0.2.2\"\n\
         memory = 16\nvif = [ \"\" ]\n"
    )
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
