// SPDX-License-Identifier: MIT OR Apache-2.0
//! A serving httpd that the real Xen's toolstack saves and restores, again and again.
use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{BOOT, PATIENCE, TYPES, Tally};
use crate::{
    build::{self, Profile},
    http,
    qemu::Forward,
    ramdisk::Domain,
    real_xen::{Options, PROMPT, RealXen},
    run::{DomainType, any_free},
    session::Session,
    workspace::Workspace,
};

const NAME: &str = "xl save and xl restore";
const ROUNDS: usize = 10;
/// Requests after each round, once the first was answered.
const REQUESTS: usize = 50;
/// In dom0's memory.
const FILE: &str = "/root/httpd.saved";

/// Runs the rounds as both types of domain, unless `only` asks for other tests.
pub(crate) fn run(workspace: &Workspace, tally: &mut Tally, only: &str) -> Result<()> {
    if !NAME.contains(only) {
        return Ok(());
    }
    build::images(workspace, Profile::Image, &["httpd"])?;
    TYPES.into_iter().try_for_each(|kind| rounds(workspace, tally, kind))
}

fn rounds(workspace: &Workspace, tally: &mut Tally, kind: DomainType) -> Result<()> {
    let kind = kind.name();
    tally.begin(&format!("httpd saved and restored on the real Xen, {kind}"));
    let domains = [Domain::of_app(workspace, "httpd")?.with_setting("type", kind)];
    let folder = workspace.target_dir().join("run").join("test");
    let xen = RealXen::fetch(workspace)?;
    // The domain's console would come between the prompt and what is typed there.
    let options = Options { dom0_arguments: "silent=1", ..Options::default() };
    let mut machine = xen.machine(workspace, Profile::Image, &domains, &folder, &options)?;
    let port = any_free()?;
    let address = domains.iter().find_map(|domain| domain.config().address());
    machine.forwards.extend(address.map(|address| Forward::tcp(port, address, 80)));
    let mut session = Session::start(&machine, &folder.join(format!("saves-{kind}.log")))?;
    session.wait_for_prompt(PROMPT, BOOT).context("dom0 of the real Xen does not come up")?;
    tally.run("the first answer", || until_answer(port));
    for round in 1..=ROUNDS {
        tally.run(&format!("{NAME}, round {round}"), || save_and_restore(&mut session, port));
    }
    Ok(())
}

fn save_and_restore(session: &mut Session, port: u16) -> Result<()> {
    for words in [format!("xl save httpd {FILE}"), format!("xl restore {FILE}")] {
        let lines = session.command(PROMPT, &format!("{words} && echo done"), PATIENCE)?;
        ensure!(lines.iter().any(|line| line == "done"), "{words}: {}", lines.join("; "));
    }
    until_answer(port)?;
    let lost = (0..REQUESTS).filter(|_| !http::answers(port, "/")).count();
    ensure!(lost == 0, "{lost} of {REQUESTS} requests were lost after the first answer");
    Ok(())
}

fn until_answer(port: u16) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !http::answers(port, "/") {
        ensure!(Instant::now() < deadline, "no answer within {} s", PATIENCE.as_secs());
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
