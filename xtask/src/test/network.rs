// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network of one machine, from its prompt and from the host: addresses by DHCP, IPv6, UDP,
//! interfaces that go and come back, frontends that lie.
use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{
    domains::{self, PROMPT},
    tally::Tally,
    toolstack::{PATIENCE, Prompt},
};
use crate::{
    build::Profile,
    http,
    machine_files::MachineFiles,
    qemu::{FIRST_LEASE, Forward, Machine, Serial},
    ramdisk::Domain,
    run::{DomainType, any_free},
    session::Session,
    workspace::Workspace,
};

mod echo;
mod fetches;
mod interfaces;
mod pings;

const PROFILE: Profile = Profile::ImageDebug;
/// Where apps/echo/echo.cfg puts the domain, by IPv4 and, from its MAC address, by IPv6.
const ECHO: &str = "10.0.2.17";
const ECHO_LINK_LOCAL: &str = "fe80::216:3eff:fe00:11";
const ECHO_PORT: u16 = 7;

/// A machine with a domain `httpd`, whose address comes by DHCP, and a domain `echo` of either type.
struct Place {
    prompt: Prompt,
    http: u16,
    echo_tcp: u16,
    echo_udp: u16,
}

/// A test with its name.
type Named = (&'static str, fn(&mut Place) -> Result<()>);

const TESTS: [Named; 10] = [
    ("a page from an address by DHCP", page),
    ("dom0 pings by IPv4", pings::ipv4),
    ("dom0 pings by IPv6, link-local", pings::ipv6),
    ("echo by TCP", echo::tcp),
    ("echo by UDP", echo::udp),
    ("dom0 fetches and uploads", fetches::both_ways),
    ("interfaces there, or not", interfaces::refusals),
    ("a connection through 30 backends", interfaces::come_and_go),
    ("others are served beside a frontend that lies", interfaces::beside_a_liar),
    ("an interface taken by force", interfaces::taken_by_force),
];

pub(super) fn run(workspace: &Workspace, tally: &mut Tally) -> Result<()> {
    [DomainType::Pv, DomainType::Pvh].into_iter().try_for_each(|kind| on(workspace, tally, kind))
}

/// Runs the tests on a machine whose echo is a domain of type `kind`.
fn on(workspace: &Workspace, tally: &mut Tally, kind: DomainType) -> Result<()> {
    let kind = kind.name();
    tally.begin(&format!("network, echo as {kind}"));
    let folder = workspace.target_dir().join("run").join("test");
    let domains = [
        by_dhcp(workspace)?,
        Domain::of_app(workspace, "echo")?.with_setting("type", kind),
        domains::domain(workspace, "hostile_frontend")?,
    ];
    let files = MachineFiles::make(workspace, PROFILE, &domains, &folder, false)?;
    let [http, echo_tcp, echo_udp] = [any_free()?, any_free()?, any_free()?];
    let mut machine = Machine::new(files.boot(), Serial::Terminal);
    machine.forwards = vec![
        Forward::tcp(http, FIRST_LEASE, 80),
        Forward::tcp(echo_tcp, ECHO, ECHO_PORT),
        Forward::udp(echo_udp, ECHO, ECHO_PORT),
    ];
    let session = Session::at_prompt(
        &machine,
        &folder.join(format!("network-{kind}.log")),
        PROMPT,
        PATIENCE,
    )?;
    let mut place = Place { prompt: Prompt { session }, http, echo_tcp, echo_udp };
    for (name, test) in TESTS {
        tally.run(name, || test(&mut place));
    }
    Ok(())
}

/// httpd's domain without an address of its own.
fn by_dhcp(workspace: &Workspace) -> Result<Domain> {
    let path: PathBuf = workspace.root().join("apps/httpd/httpd.cfg");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let others = text.lines().filter(|line| !line.starts_with("extra"));
    Ok(Domain::new(path, others.map(|line| format!("{line}\n")).collect())?.at_boot())
}

fn page(place: &mut Place) -> Result<()> {
    until("a page", || http::answers(place.http, "/"))
}

/// Tries until it is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        ensure!(Instant::now() < deadline, "{what} did not come within {} s", PATIENCE.as_secs());
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
