// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian's Linux with a userland of busybox, in a ramdisk.
use std::{
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    super::{end_to_end::known_sha256, mode::Mode},
    Foreign, HTTPD, PATIENCE, PROMPT,
};
use crate::{
    cpio::Archive,
    debian::{BUSYBOX, Debian, Linux},
    run::any_free,
    service::output,
    session::Session,
};

/// The file that it serves: `init` fills it by chance.
const FILE: &str = "random";
/// What it gets from httpd.
const BYTES: u64 = 16 << 20;
/// What it may grow to.
const MAX_MEMORY_MIB: u32 = 320;
/// QEMU's clock chip, hv's reading of it and `date` each leave out the fraction of a second.
const FRACTIONS: Duration = Duration::from_secs(3);
const TICK: Duration = Duration::from_secs(1);

/// Its userland.
pub(super) fn ramdisk(debian: &Debian, linux: &Linux<'_>) -> Result<Archive> {
    let mut archive = Archive::default();
    debian.add_programs(&mut archive, &[BUSYBOX])?;
    linux.add_modules(&mut archive, &["xen-netfront"])?;
    archive.add_program("init", include_bytes!("linux/init"));
    archive.add_program("bin/balloon", include_bytes!("linux/balloon"));
    archive.add("etc/inittab", include_bytes!("linux/inittab"));
    Ok(archive)
}

/// Linux as one kind of domain.
pub(super) struct Guest {
    /// How it is virtualized.
    pub(super) mode: Mode,
    /// The domain's name.
    name: &'static str,
    /// Its address in QEMU's network.
    pub(super) address: &'static str,
    /// The port of this host that leads to its web server.
    pub(super) port: u16,
    /// PV domains have one.
    vcpus: u32,
    /// How long it took to boot.
    boot: Duration,
}

impl Guest {
    /// One of each kind.
    pub(super) fn all() -> Result<[Self; 3]> {
        let guest = |mode, name, address, vcpus| -> Result<Self> {
            Ok(Self { mode, name, address, port: any_free()?, vcpus, boot: Duration::ZERO })
        };
        Ok([
            guest(Mode::Pv, "linux", "10.0.2.17", 1)?,
            guest(Mode::PvhSvmNpt, "linux_pvh", "10.0.2.18", 2)?,
            guest(Mode::PvhSvmShadow, "linux_shadow", "10.0.2.20", 2)?,
        ])
    }

    /// Its cfg, but for how it is virtualized. As PVH it grows by memory that is plugged in, which would wait for somebody to turn
    /// it on.
    pub(super) fn config(&self, vmlinux: &Path, ramdisk: &Path) -> String {
        let Self { name, address, vcpus, .. } = self;
        format!(
            "name = \"{name}\"\nkernel = \"{}\"\nramdisk = \"{}\"\n\
             memory = 256\nmaxmem = {MAX_MEMORY_MIB}\nvcpus = {vcpus}\nvif = [ \"\" ]\n\
             extra = \"console=hvc0 quiet memhp_default_state=online address={address}\"\n",
            vmlinux.display(),
            ramdisk.display()
        )
    }
}

/// It boots, with all its vCPUs, and its shell answers.
pub(super) fn boot(foreign: &mut Foreign, guest: &mut Guest) -> Result<()> {
    let start = Instant::now();
    foreign.create(guest.name, |line| line.trim() == "init is done")?;
    guest.boot = start.elapsed();
    let kernel = ask(foreign, guest, "uname -sm")?;
    ensure!(kernel == "Linux x86_64", "uname says {kernel}");
    let processors = ask(foreign, guest, "nproc")?;
    ensure!(processors == guest.vcpus.to_string(), "it has {processors} processors");
    Ok(())
}

/// dom0 reaches it.
pub(super) fn ping(foreign: &mut Foreign, guest: &mut Guest) -> Result<()> {
    let lines = foreign.session.command(PROMPT, &format!("ping {}", guest.address), PATIENCE)?;
    let last = lines.last().context("ping says nothing")?;
    ensure!(last == "4 requests, 4 replies", "{}", lines.join("; "));
    Ok(())
}

/// Its clock agrees with this host's. Early in its boot Linux counts ticks, of which it loses some
/// on a busy host.
pub(super) fn clock(foreign: &mut Foreign, guest: &mut Guest) -> Result<()> {
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let before = now()?;
    let date = Duration::from_secs(ask(foreign, guest, "date +%s")?.parse()?);
    let after = now()?;
    let agrees =
        before.saturating_sub(FRACTIONS + TICK + guest.boot) <= date && date <= after + TICK;
    ensure!(agrees, "Linux has {date:?}, this host {before:?} to {after:?}");
    Ok(())
}

/// What the host gets through the port forward is what Linux sent; dom0 gets it too.
pub(super) fn http(foreign: &mut Foreign, guest: &mut Guest) -> Result<()> {
    let sent = ask(foreign, guest, &format!("sha256sum /www/{FILE}"))?;
    let url = format!("http://127.0.0.1:{}/{FILE}", guest.port);
    let command = format!("curl --silent --show-error --fail --max-time 60 '{url}' | sha256sum");
    let came = output("sh", &["-c", &command])?;
    ensure!(digest(&sent) == digest(&came), "Linux has {sent}, and {came} came");
    let fetch = format!("fetch http://{}/{FILE}", guest.address);
    let said = foreign.session.command(PROMPT, &fetch, PATIENCE)?.join("; ");
    ensure!(said.contains("200 OK") && said.contains(" 4194304 bytes"), "dom0's fetch: {said}");
    Ok(())
}

/// What it gets from minios domains of both types is what they sent.
pub(super) fn client(foreign: &mut Foreign, guest: &mut Guest) -> Result<()> {
    let known = known_sha256(BYTES)?;
    for server in HTTPD {
        let get = format!("wget -qO - http://{server}/bytes/{BYTES} | sha256sum");
        let came = ask(foreign, guest, &get)?;
        ensure!(digest(&came) == digest(&known), "another SHA-256 from {server}: {came}");
    }
    Ok(())
}

/// This host loads both httpds, and gets Linux' file, while Linux gets from both httpds.
pub(super) fn beside_others(foreign: &mut Foreign, guest: &mut Guest) -> Result<()> {
    let [pv, pvh] = foreign.httpd;
    let file = format!("http://127.0.0.1:{}/{FILE}", guest.port);
    thread::scope(|scope| {
        let loads = [pv, pvh].map(|port| scope.spawn(move || load(port)));
        let file =
            scope.spawn(|| output("curl", &["-sSf", "--max-time", "60", "-o", "/dev/null", &file]));
        client(foreign, guest)?;
        let answers = loads.into_iter().chain([file]).map(|client| client.join());
        answers.into_iter().try_for_each(|answer| match answer {
            Ok(answer) => answer.map(drop),
            Err(_) => bail!("a client has panicked"),
        })
    })
}

/// Requests of 1 KiB on connections that stay open, none of which may fail.
fn load(port: u16) -> Result<String> {
    let url = format!("http://127.0.0.1:{port}/bytes/1024");
    let report = output("ab", &["-q", "-s", "60", "-k", "-n", "2000", "-c", "8", &url])?;
    let failed = report.lines().find_map(|line| line.strip_prefix("Failed requests:"));
    ensure!(failed.is_some_and(|count| count.trim() == "0"), "requests have failed: {report}");
    Ok(report)
}

/// It gives memory back, and takes more than it began with.
pub(super) fn balloon(foreign: &mut Foreign, guest: &mut Guest) -> Result<()> {
    for mib in [128, MAX_MEMORY_MIB] {
        let kib = (mib * 1024).to_string();
        let has = ask(foreign, guest, &format!("balloon {kib}"))?;
        ensure!(has == kib, "it has {has} KiB instead of {kib}");
        let list = foreign.session.command(PROMPT, "list", PATIENCE)?;
        let row = list
            .iter()
            .find(|row| row.starts_with(&format!("{} ", guest.name)))
            .context("list has no linux")?;
        ensure!(row.contains(&format!(" {mib}MiB ")), "list says {row}");
    }
    Ok(())
}

/// It does what `shutdown` asks for.
pub(super) fn shutdown(foreign: &mut Foreign, guest: &mut Guest) -> Result<()> {
    foreign.session.type_line(&format!("shutdown {}", guest.name))?;
    let ended = |line: &str| line.contains(&format!("{} has powered off", guest.name));
    foreign.session.wait_for(ended, PATIENCE)?;
    Ok(())
}

fn digest(line: &str) -> Option<&str> {
    line.split_whitespace().next()
}

/// What `command` prints in its shell.
fn ask(foreign: &mut Foreign, guest: &Guest, command: &str) -> Result<String> {
    foreign.attach(guest.name)?;
    let answer = ask_attached(&mut foreign.session, command);
    foreign.detach()?;
    answer
}

fn ask_attached(session: &mut Session, command: &str) -> Result<String> {
    session.wait_for_prompt("/ # ", PATIENCE)?;
    // The console shows what was said before too, so the answer names its question.
    session.type_line(&format!("echo \"{command}: $({command})\""))?;
    let question = format!("{command}: ");
    let answer = session.wait_for(|line| line.starts_with(&question), PATIENCE)?;
    Ok(answer[question.len()..].trim().to_owned())
}
