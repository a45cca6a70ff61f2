// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian's Linux with a userland of busybox, in a ramdisk.
use std::{
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, ensure};

use super::{super::end_to_end::known_sha256, Foreign, PATIENCE, PROMPT};
use crate::{
    cpio::Archive,
    debian::{BUSYBOX, Debian, Linux},
    service::output,
    session::Session,
};

/// Its own address in QEMU's network.
pub(super) const ADDRESS: &str = "10.0.2.17";
/// That of httpd, by its cfg.
const HTTPD: &str = "10.0.2.16";
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

/// Its domain.
pub(super) fn config(vmlinux: &Path, ramdisk: &Path) -> String {
    format!(
        "name = \"linux\"\nkernel = \"{}\"\nramdisk = \"{}\"\nmemory = 256\n\
         maxmem = {MAX_MEMORY_MIB}\nextra = \"console=hvc0 quiet address={ADDRESS}\"\nvif = [ \"\" ]\n",
        vmlinux.display(),
        ramdisk.display()
    )
}

/// It boots, and its shell answers.
pub(super) fn boot(foreign: &mut Foreign) -> Result<()> {
    let start = Instant::now();
    foreign.create("linux", |line| line.trim() == "init is done")?;
    foreign.linux_boot = start.elapsed();
    let kernel = ask(foreign, "uname -sm")?;
    ensure!(kernel == "Linux x86_64", "uname says {kernel}");
    Ok(())
}

/// dom0 reaches it.
pub(super) fn ping(foreign: &mut Foreign) -> Result<()> {
    let lines = foreign.session.command(PROMPT, &format!("ping {ADDRESS}"), PATIENCE)?;
    let last = lines.last().context("ping says nothing")?;
    ensure!(last == "4 requests, 4 replies", "{}", lines.join("; "));
    Ok(())
}

/// Its clock agrees with this host's. Early in its boot Linux counts ticks, of which it loses some
/// on a busy host.
pub(super) fn clock(foreign: &mut Foreign) -> Result<()> {
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let before = now()?;
    let date = Duration::from_secs(ask(foreign, "date +%s")?.parse()?);
    let after = now()?;
    let agrees = before.saturating_sub(FRACTIONS + TICK + foreign.linux_boot) <= date
        && date <= after + TICK;
    ensure!(agrees, "Linux has {date:?}, this host {before:?} to {after:?}");
    Ok(())
}

/// What the host gets through the port forward is what Linux sent; dom0 gets it too.
pub(super) fn http(foreign: &mut Foreign) -> Result<()> {
    let sent = ask(foreign, &format!("sha256sum /www/{FILE}"))?;
    let url = format!("http://127.0.0.1:{}/{FILE}", foreign.port);
    let command = format!("curl --silent --show-error --fail --max-time 60 '{url}' | sha256sum");
    let came = output("sh", &["-c", &command])?;
    ensure!(digest(&sent) == digest(&came), "Linux has {sent}, and {came} came");
    let fetch = format!("fetch http://{ADDRESS}/{FILE}");
    let said = foreign.session.command(PROMPT, &fetch, PATIENCE)?.join("; ");
    ensure!(said.contains("200 OK") && said.contains(" 4194304 bytes"), "dom0's fetch: {said}");
    Ok(())
}

/// What it gets from a minios domain beside it is what that sent.
pub(super) fn client(foreign: &mut Foreign) -> Result<()> {
    let came = ask(foreign, &format!("wget -qO - http://{HTTPD}/bytes/{BYTES} | sha256sum"))?;
    ensure!(digest(&came) == digest(&known_sha256(BYTES)?), "another SHA-256: {came}");
    Ok(())
}

/// It gives memory back, and takes more than it began with.
pub(super) fn balloon(foreign: &mut Foreign) -> Result<()> {
    for mib in [128, MAX_MEMORY_MIB] {
        let kib = (mib * 1024).to_string();
        let has = ask(foreign, &format!("balloon {kib}"))?;
        ensure!(has == kib, "it has {has} KiB instead of {kib}");
        let list = foreign.session.command(PROMPT, "list", PATIENCE)?;
        let row = list.iter().find(|row| row.starts_with("linux ")).context("list has no linux")?;
        ensure!(row.contains(&format!(" {mib}MiB ")), "list says {row}");
    }
    Ok(())
}

/// It does what `shutdown` asks for.
pub(super) fn shutdown(foreign: &mut Foreign) -> Result<()> {
    foreign.session.type_line("shutdown linux")?;
    let ended = |line: &str| line.contains("linux has powered off");
    foreign.session.wait_for(ended, PATIENCE)?;
    Ok(())
}

fn digest(line: &str) -> Option<&str> {
    line.split_whitespace().next()
}

/// What `command` prints in its shell.
fn ask(foreign: &mut Foreign, command: &str) -> Result<String> {
    foreign.attach("linux")?;
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
