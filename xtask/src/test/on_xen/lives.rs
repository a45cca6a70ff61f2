// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lives of httpd on the real Xen: it is saved and restored, paused, rebooted and ended, and
//! answers in between; dom0's log stays clean.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{BOOT, PATIENCE, TYPES};
use crate::{
    http,
    qemu::Forward,
    ramdisk::Domain,
    real_xen::{Options, PROMPT, RealXen},
    run::{DomainType, any_free},
    service::output,
    session::Session,
    test::{domains::PROFILE, tally::Tally},
    workspace::Workspace,
};

/// Where dom0 has the cfg.
const FOLDER: &str = "lives";
const ROUNDS: usize = 10;
/// Requests between two rounds, of which none may be lost.
const REQUESTS: usize = 50;
/// Functions of dom0's shell, whose lines are short: it wraps longer ones.
const RUN: &str = "run() { \"$@\" > /tmp/o 2>&1 && echo done || cat /tmp/o; }";
const GONE: &str = "gone() { while xl domid $1; do usleep 99999; done; }";
/// What dom0's kernel says of interfaces that come and go.
const USUAL: [&str; 4] = ["xenbr0", "vif", "IPv6", "eth0"];

/// dom0 of the real Xen, and the port of the host that leads to httpd.
struct Place {
    session: Session,
    port: u16,
}

/// A test, and the command that creates httpd.
type Test = fn(&mut Place, &str) -> Result<()>;

const TESTS: [(&str, Test); 3] = [
    ("saved and restored, ten times", saved_and_restored),
    ("saved, and runs on", checkpoints),
    ("paused, rebooted, shut down, destroyed", ends),
];

/// Runs those tests whose names contain `only`, with httpd as both types of domain.
pub(crate) fn run(workspace: &Workspace, tally: &mut Tally, only: &str) -> Result<()> {
    let chosen: Vec<_> = TESTS.into_iter().filter(|(name, _)| name.contains(only)).collect();
    if chosen.is_empty() {
        return Ok(());
    }
    TYPES.into_iter().try_for_each(|kind| on_a_machine(workspace, tally, kind, &chosen))
}

fn on_a_machine(
    workspace: &Workspace,
    tally: &mut Tally,
    kind: DomainType,
    tests: &[(&str, Test)],
) -> Result<()> {
    let kind = kind.name();
    tally.begin(&format!("lives of httpd on the real Xen, {kind}"));
    let folder = workspace.target_dir().join("run").join("test");
    let httpd = Domain::of_app(workspace, "httpd")?.in_folder(FOLDER);
    let address = httpd.config().address().context("httpd has no address")?.to_owned();
    let xen = RealXen::fetch(workspace)?;
    let mut machine = xen.machine(workspace, PROFILE, &[httpd], &folder, &Options::default())?;
    let port = any_free()?;
    machine.forwards = vec![Forward::tcp(port, &address, 80)];
    let log = folder.join(format!("lives-{kind}.log"));
    let mut session = Session::at_prompt(&machine, &log, PROMPT, BOOT)?;
    session.command(PROMPT, RUN, PATIENCE)?;
    session.command(PROMPT, GONE, PATIENCE)?;
    let mut place = Place { session, port };
    let create = format!("xl create -q {FOLDER}/httpd.cfg type=\\\"{kind}\\\"");
    for (name, test) in tests {
        tally.run(name, || test(&mut place, &create));
    }
    Ok(())
}

fn saved_and_restored(place: &mut Place, create: &str) -> Result<()> {
    place.xl(create)?;
    for round in 1..=ROUNDS {
        place.answers().with_context(|| format!("before round {round}"))?;
        place.xl("xl save httpd /tmp/saved")?;
        place.xl("xl restore /tmp/saved")?;
    }
    place.answers()?;
    place.xl("xl destroy httpd")
}

fn checkpoints(place: &mut Place, create: &str) -> Result<()> {
    place.xl(create)?;
    for _ in 0..2 {
        place.answers()?;
        place.xl("xl save -c httpd /tmp/saved")?;
    }
    place.answers()?;
    place.xl("xl destroy httpd")
}

/// Each while clients ask without a pause.
fn ends(place: &mut Place, create: &str) -> Result<()> {
    place.session.command(PROMPT, "dmesg -c > /dev/null", PATIENCE)?;
    place.xl(create)?;
    let load = Load::start(place.port);
    place.answers()?;
    place.xl("xl pause httpd")?;
    place.xl("xl unpause httpd")?;
    place.answers()?;
    place.xl("xl reboot -w httpd")?;
    place.answers()?;
    place.xl("xl shutdown -w httpd")?;
    place.xl("gone httpd")?;
    place.xl(create)?;
    place.answers()?;
    place.xl("xl destroy httpd")?;
    drop(load);
    let said = place.session.command(PROMPT, "dmesg", PATIENCE)?;
    let strange: Vec<_> =
        said.iter().filter(|line| !USUAL.iter().any(|usual| line.contains(usual))).collect();
    ensure!(strange.is_empty(), "dom0 says {strange:?}");
    Ok(())
}

impl Place {
    /// A command in dom0 that must succeed.
    fn xl(&mut self, command: &str) -> Result<()> {
        let said = self.session.command(PROMPT, &format!("run {command}"), PATIENCE)?;
        ensure!(said.last().is_some_and(|last| last == "done"), "{command}: {}", said.join("; "));
        Ok(())
    }

    /// httpd answers before long, and from then on always.
    fn answers(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !http::answers(self.port, "/about.html") {
            ensure!(Instant::now() < deadline, "no answer within {} s", PATIENCE.as_secs());
            thread::sleep(Duration::from_millis(100));
        }
        let url = format!("http://127.0.0.1:{}/about.html", self.port);
        let arguments = ["--silent", "--show-error", "--fail", "--max-time", "30", &url];
        for request in 1..=REQUESTS {
            output("curl", &arguments).with_context(|| format!("request {request} is lost"))?;
        }
        Ok(())
    }
}

/// Clients that ask until this is dropped.
struct Load(Arc<AtomicBool>);

impl Load {
    fn start(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..4 {
            let stop = stop.clone();
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    http::answers(port, "/bytes/100000");
                }
            });
        }
        Self(stop)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
