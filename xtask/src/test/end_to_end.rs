// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clients of this host against a machine that `cargo xtask run --detach` started.
use std::fs;

use anyhow::{Context, Result};

use super::tally::Tally;
use crate::{service::Service, workspace::Workspace};

mod beside_spinner;
mod browser;
mod gdb;
mod hostile;
mod load;
mod pages;
mod uploads;
mod without_xen;
pub(super) use load::known_sha256;

/// What a test does with the service.
type Test = fn(&Service) -> Result<()>;

/// A test with its name.
type Named = (&'static str, Test);

/// Tests against a machine with httpd alone.
const ALONE: [Named; 17] = [
    ("page", pages::front_page),
    ("a file, and none", pages::files),
    ("HEAD", pages::head),
    ("OPTIONS", pages::options),
    ("lengths of /bytes/N", pages::bytes),
    ("parts, and what the client has", pages::parts),
    ("requests in a row on one connection", pages::pipelining),
    ("uploads, by length and in chunks", uploads::whole),
    ("uploads that are refused", uploads::refused),
    ("400, 431 and 501", hostile::bad_requests),
    ("10,000 requests with keep-alive, ab", load::keep_alive),
    ("10,000 connections, ab", load::connections),
    ("keep-alive, wrk", load::wrk),
    ("64 MiB have the right SHA-256", load::download),
    ("others are served beside clients that do not read", hostile::clients_that_do_not_read),
    ("408 after 10 s, while others are served", hostile::slow_clients),
    ("page after all that", pages::front_page),
];

const IN_A_BROWSER: [Named; 1] = [("page in a browser", browser::page)];

/// A test that has a machine of its own.
type OnItsOwn = fn(&Workspace) -> Result<()>;

const ON_THEIR_OWN: [(&str, OnItsOwn); 3] = [
    ("httpd's share of requests beside a spinner", beside_spinner::share_of_requests),
    ("gdb's protocol, from the reset vector to hv's entry", gdb::stub_answers),
    ("who starts an image without a hypervisor is told", without_xen::is_told),
];

/// Tests of httpd in hardware virtualization.
const PVH: [Named; 5] = [
    ("page", pages::front_page),
    ("10,000 requests with keep-alive, ab", load::keep_alive),
    ("10,000 connections, ab", load::connections),
    ("64 MiB have the right SHA-256", load::download),
    ("uploads, by length and in chunks", uploads::whole),
];

/// Tests beside a second domain that never gives the processor up.
const BESIDE_A_SPINNER: [Named; 3] = [
    ("10,000 requests with keep-alive, ab", load::keep_alive),
    ("10,000 connections, ab", load::connections),
    ("64 MiB have the right SHA-256", load::download),
];

const LITTLE_MEMORY: [Named; 1] = [("1,000 requests at 16 connections", load::small)];
const ON_XEN: [Named; 3] = [
    ("page", pages::front_page),
    ("1,000 requests at 16 connections", load::small),
    ("64 MiB have the right SHA-256", load::download),
];
const BOOTED: [Named; 1] = [("page", pages::front_page)];

/// Runs the tests whose names contain `only`; those that take a browser if `with_browser`.
pub(super) fn run(
    workspace: &Workspace,
    tally: &mut Tally,
    only: &str,
    with_browser: bool,
) -> Result<()> {
    let folder = workspace.target_dir().join("run").join("test");
    fs::create_dir_all(&folder)?;
    let httpd = workspace.root().join("apps").join("httpd").join("httpd.cfg");
    let text = fs::read_to_string(&httpd).with_context(|| httpd.display().to_string())?;
    let little = folder.join("httpd-8.cfg");
    fs::write(&little, with_memory(&text, 8))?;
    let spinner = folder.join("spinner.cfg");
    fs::write(&spinner, "name = \"spinner\"\nkernel = \"/boot/spinner\"\nmemory = 8\n")?;
    let (httpd, little, spinner) =
        (httpd.display().to_string(), little.display().to_string(), spinner.display().to_string());

    let in_a_browser: &[Named] = if with_browser { &IN_A_BROWSER } else { &[] };
    let machines: [(&str, &[&str], &[Named]); 7] = [
        ("httpd", &[], &ALONE),
        ("httpd as PVH", &["--type", "pvh"], &PVH),
        ("httpd and a browser", &[], in_a_browser),
        ("httpd beside a spinner", &["--config", &httpd, "--config", &spinner], &BESIDE_A_SPINNER),
        ("httpd with 8 MiB", &["--config", &little], &LITTLE_MEMORY),
        ("booted from a CD", &["--boot", "cd"], &BOOTED),
        ("booted from a disk", &["--boot", "disk"], &BOOTED),
    ];
    for (kind, arguments, tests) in machines {
        on_a_machine(workspace, tally, kind, arguments, tests, only);
    }
    let chosen: Vec<_> = ON_THEIR_OWN.iter().filter(|(name, _)| name.contains(only)).collect();
    if !chosen.is_empty() {
        tally.begin("end to end, machines of their own");
    }
    for (name, test) in chosen {
        tally.run(name, || test(workspace));
    }
    Ok(())
}

/// The same image and cfg on the real Xen.
pub(super) fn on_xen(workspace: &Workspace, tally: &mut Tally, only: &str) {
    for (kind, arguments) in [
        ("httpd on the real Xen, PV", ["--on", "xen", "--type", "pv"]),
        ("httpd on the real Xen, PVH", ["--on", "xen", "--type", "pvh"]),
    ] {
        on_a_machine(workspace, tally, kind, &arguments, &ON_XEN, only);
    }
}

/// Runs those of `tests` whose names contain `only`.
fn on_a_machine(
    workspace: &Workspace,
    tally: &mut Tally,
    kind: &str,
    arguments: &[&str],
    tests: &[Named],
    only: &str,
) {
    let chosen: Vec<_> = tests.iter().filter(|(name, _)| name.contains(only)).collect();
    if chosen.is_empty() {
        return;
    }
    tally.begin(&format!("end to end, {kind}"));
    let service = match Service::start(workspace, arguments) {
        Ok(service) => service,
        Err(error) => return tally.fail(kind, &format!("{error:#}")),
    };
    for (name, test) in chosen {
        tally.run(name, || test(&service));
    }
}

/// The cfg `text` with another size of memory.
fn with_memory(text: &str, mib: u32) -> String {
    let others = text.lines().filter(|line| !line.starts_with("memory"));
    others.map(|line| format!("{line}\n")).collect::<String>() + &format!("memory = {mib}\n")
}
