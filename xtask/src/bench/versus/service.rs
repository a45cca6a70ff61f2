// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests and bytes per second, the client in dom0: httpd on hv, beside nginx in a Linux PV domU
//! on the real Xen. Both serve the same page from memory.
use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};

use super::{Pair, Table};
use crate::{
    build::Profile,
    cpio::Archive,
    machine_files::MachineFiles,
    progress::Step,
    qemu::{Machine, Serial},
    ramdisk::Domain,
    real_xen::{self, NO_MITIGATIONS, Options, RealXen, nginx},
    session::Session,
    test,
    workspace::Workspace,
};

const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of the page, those of nginx's usual one.
const PAGE: usize = 612;
const LARGE: u32 = 64 << 20;
const REQUESTS: u32 = 20_000;
const CONNECTIONS: [u32; 2] = [1, 8];
/// What measures on Linux: packages and programs.
const CLIENT_PACKAGES: [&str; 3] = ["wrk", "libluajit-5.1-2", "libssl3"];
const CLIENT: &str = "/usr/bin/wrk";

/// Requests per second for each of [`CONNECTIONS`], and megabytes per second.
struct Rates {
    requests: Vec<f64>,
    megabytes: f64,
}

pub(super) fn measure(workspace: &Workspace) -> Result<Table> {
    let page = vec![b'x'; PAGE];
    let ours = of_httpd(workspace, &page)?;
    let nginxs = of_nginx(workspace, &page)?;
    let rows = CONNECTIONS.iter().zip(ours.requests.iter().zip(&nginxs.requests));
    let mut rows: Vec<Pair> = rows
        .map(|(connections, (hv, xen))| {
            let name = format!("keep-alive requests/s, {PAGE} bytes, connections: {connections}");
            Pair { name, hv: *hv, xen: *xen, xen_defaults: None }
        })
        .collect();
    let name = "download, MB/s".to_owned();
    rows.push(Pair { name, hv: ours.megabytes, xen: nginxs.megabytes, xen_defaults: None });
    Ok(Table {
        title: "the client in dom0",
        hv: "httpd on hv",
        xen: "nginx on Linux on Xen 4.17",
        rows,
        note: format!("Clients: `fetch` of our dom0, and wrk; Xen with `{NO_MITIGATIONS}`."),
    })
}

fn of_httpd(workspace: &Workspace, page: &[u8]) -> Result<Rates> {
    let _step = Step::start("httpd on hv");
    let folder = workspace.target_dir().join("run").join("bench");
    fs::create_dir_all(&folder)?;
    let mut files = Archive::default();
    files.add("page", page);
    fs::write(folder.join("page.cpio"), files.bytes())?;
    let path = folder.join("httpd.cfg");
    fs::write(
        &path,
        "name = \"httpd\"\nkernel = \"/boot/httpd\"\nramdisk = \"page.cpio\"\n\
         extra = \"ip=10.0.2.16/24\"\nmemory = 16\nvif = [\"\"]\n",
    )?;
    let domains = [Domain::read(&path)?];
    let files = MachineFiles::make(workspace, Profile::Image, &domains, &folder, false)?;
    let machine = Machine::new(files.boot(), Serial::Terminal);
    let mut session = Session::start(&machine, &folder.join("service.log"))?;
    session.wait_for(|line| line.contains("serving"), PATIENCE).context("httpd does not serve")?;
    let mut fetch = |words: String| {
        let lines = session.command(test::PROMPT, &format!("fetch {words}"), PATIENCE)?;
        let line = lines.into_iter().find(|line| line.contains(" requests, "));
        line.filter(|line| line.contains(" 200 OK") && line.contains(", 0 failed"))
            .with_context(|| format!("fetch {words} does not say that all went well"))
    };
    let requests = CONNECTIONS.map(|connections| {
        let line = fetch(format!("-n {REQUESTS} -c {connections} http://10.0.2.16/page"))?;
        before(&line, " requests/s")
    });
    let line = fetch(format!("http://10.0.2.16/bytes/{LARGE}"))?;
    Ok(Rates {
        requests: requests.into_iter().collect::<Result<_>>()?,
        megabytes: before(&line, " MB/s")?,
    })
}

fn of_nginx(workspace: &Workspace, page: &[u8]) -> Result<Rates> {
    let _step = Step::start("nginx on the real Xen");
    let folder = workspace.target_dir().join("run").join("bench");
    let mut xen = RealXen::fetch(workspace)?;
    xen.debian.require(&CLIENT_PACKAGES)?;
    xen.debian.add_programs(&mut xen.dom0, &[CLIENT])?;
    nginx::add(&mut xen, page)?;
    let options = Options { xen_arguments: NO_MITIGATIONS, ..Options::default() };
    let machine = xen.machine(workspace, Profile::Image, &[], &folder, &options)?;
    let prompt = real_xen::PROMPT;
    let log = folder.join("service-on-xen.log");
    let mut session = Session::at_prompt(&machine, &log, prompt, PATIENCE)?;
    session.command(prompt, "xl create -q nginx.cfg", PATIENCE)?;
    let url = format!("http://{}:80", nginx::ADDRESS);
    let is_up = format!("until wget -q -O /dev/null {url}/; do usleep 100000; done");
    session.command(prompt, &is_up, PATIENCE).context("nginx does not serve")?;
    let mut wrk = |words: String, key: &str| {
        let command = format!("wrk -t 1 -d 5s {words}");
        let lines = session.command(prompt, &command, PATIENCE)?;
        ensure!(!lines.iter().any(|line| line.contains("errors")), "{}", lines.join("; "));
        let value = lines.iter().find_map(|line| line.trim().strip_prefix(key));
        Ok(value.with_context(|| format!("wrk says: {}", lines.join("; ")))?.trim().to_owned())
    };
    let requests =
        CONNECTIONS.map(|count| Ok(wrk(format!("-c {count} {url}/"), "Requests/sec:")?.parse()?));
    let megabytes = wrk(format!("-c 1 {url}{}", nginx::LARGE), "Transfer/sec:")?;
    Ok(Rates {
        requests: requests.into_iter().collect::<Result<_>>()?,
        megabytes: megabytes.strip_suffix("MB").context("not in MB")?.parse::<f64>()? * 1.048_576,
    })
}

/// The number before `unit`.
fn before(line: &str, unit: &str) -> Result<f64> {
    let part = line.split(", ").find_map(|part| part.strip_suffix(unit));
    Ok(part.with_context(|| format!("no {unit}: {line}"))?.trim().parse()?)
}
