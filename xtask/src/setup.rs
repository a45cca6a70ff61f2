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

mod decision;
mod tool;
use decision::{Circumstances, Decision, Privilege};
pub(crate) use tool::{Tool, browser};

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
    let by_hand = decision::by_hand(&packages);
    let privilege = match decision::decide(&packages, &circumstances(consent)) {
        Decision::Nothing => return Ok(()),
        Decision::Tell(what) => bail!(what),
        Decision::Install(privilege) => privilege,
        Decision::Ask(privilege) if agrees(&packages)? => privilege,
        Decision::Ask(_) => bail!("nothing was installed, type: {by_hand}"),
    };
    install(privilege, &packages).with_context(|| format!("try it yourself: {by_hand}"))?;
    if let Some(missing) = tools.iter().find(|tool| !tool.is_there()) {
        bail!("{} is still missing after the installation", missing.package());
    }
    Ok(())
}

fn circumstances(consent: Consent) -> Circumstances {
    Circumstances {
        apt: on_path("apt-get"),
        privilege: privilege(),
        yes: consent.yes,
        ci: decision::is_ci(env::var("CI").ok().as_deref()),
        terminal: std::io::stdin().is_terminal(),
    }
}

/// How to become root without a password.
fn privilege() -> Option<Privilege> {
    let output = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()
    };
    if output("id", &["-u"])?.stdout.trim_ascii() == b"0" {
        return Some(&[]);
    }
    let sudo = on_path("sudo") && output("sudo", &["-n", "true"])?.status.success();
    sudo.then_some(&["sudo", "-n"])
}

/// Asks whether to install `packages`.
fn agrees(packages: &[&str]) -> Result<bool> {
    eprint!("These packages are missing: {}\nInstall them by apt? [Y/n] ", packages.join(" "));
    std::io::stderr().flush()?;
    let mut answer = String::new();
    // The end of the input is no answer.
    Ok(std::io::stdin().lock().read_line(&mut answer)? > 0 && decision::is_yes(&answer))
}

fn install(privilege: Privilege, packages: &[&str]) -> Result<()> {
    let _step = Step::start(format!("Installing {}", packages.join(" ")));
    // A list of packages that is out of date is no reason to fail yet.
    let _ = apt(privilege, &["update"]);
    let arguments: Vec<&str> =
        ["install", "-y", "--no-install-recommends"].iter().chain(packages).copied().collect();
    apt(privilege, &arguments)
}

fn apt(privilege: Privilege, arguments: &[&str]) -> Result<()> {
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
