// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask setup`: the programs that are not Rust's, found or installed.
use std::{
    env, fs,
    io::{BufRead, IsTerminal, Write},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::progress::Step;

mod tool;
pub(crate) use tool::Tool;

/// Find what run, test, image and bench need, and install what is missing.
///
/// The other verbs do this themselves, each for what it needs. On Debian and Ubuntu the packages
/// are installed by apt if you are root or need no password for sudo; otherwise you are told the
/// one command to type.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    consent: Consent,
}

/// Whether packages may be installed without asking.
#[derive(clap::Args, Clone, Copy)]
pub(crate) struct Consent {
    /// Install missing packages without asking
    #[arg(long)]
    yes: bool,
}

pub(crate) fn verb(args: &Args) -> Result<()> {
    require(&Tool::ALL, args.consent)?;
    println!("Everything is there: try `cargo xtask run`.");
    Ok(())
}

/// Makes sure that `tools` are there, if need be by installing them.
pub(crate) fn require(tools: &[Tool], consent: Consent) -> Result<()> {
    let mut packages: Vec<&str> =
        tools.iter().filter(|tool| !tool.is_there()).map(|tool| tool.package()).collect();
    packages.sort_unstable();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !on_path("apt-get") {
        bail!("install these first, under the names that your system has for them: {list}");
    }
    let by_hand = format!("sudo apt-get update && sudo apt-get install -y {list}");
    let Some(privilege) = privilege() else { bail!("some programs are missing, type: {by_hand}") };
    if !consents(consent, &list)? {
        bail!("nothing was installed, type: {by_hand}");
    }
    install(privilege, &packages).with_context(|| format!("try it yourself: {by_hand}"))?;
    if let Some(missing) = tools.iter().find(|tool| !tool.is_there()) {
        bail!("{} is still missing after the installation of {list}", missing.package());
    }
    Ok(())
}

/// The words in front of a command that make root run it, where no password is needed.
fn privilege() -> Option<&'static [&'static str]> {
    let output = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()
    };
    if output("id", &["-u"])?.stdout.trim_ascii() == b"0" {
        return Some(&[]);
    }
    let sudo = on_path("sudo") && output("sudo", &["-n", "true"])?.status.success();
    sudo.then_some(&["sudo", "-n"])
}

fn consents(consent: Consent, list: &str) -> Result<bool> {
    let ci = env::var_os("CI").is_some_and(|value| value == "true" || value == "1");
    let stdin = std::io::stdin();
    if consent.yes || ci || !stdin.is_terminal() {
        return Ok(true);
    }
    eprint!("These packages are missing: {list}\nInstall them by apt? [Y/n] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "" | "y" | "Y" | "yes"))
}

fn install(privilege: &[&str], packages: &[&str]) -> Result<()> {
    let _step = Step::start(format!("Installing {}", packages.join(" ")));
    // A list of packages that is out of date is no reason to fail yet.
    let _ = apt(privilege, &["update"]);
    let arguments: Vec<&str> =
        ["install", "-y", "--no-install-recommends"].iter().chain(packages).copied().collect();
    apt(privilege, &arguments)
}

fn apt(privilege: &[&str], arguments: &[&str]) -> Result<()> {
    let words = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"];
    let mut words = privilege.iter().chain(&words).chain(arguments);
    let output = Command::new(words.next().context("no command")?)
        .args(words)
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = text.lines().rev().take(3).collect();
    bail!("apt-get {} failed: {}", arguments.join(" "), last.join(" / "))
}

/// Whether a program is on the path, or in the folders for administrators.
pub(crate) fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.any(|folder| is_file(&folder.join(program)))
}

fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}
