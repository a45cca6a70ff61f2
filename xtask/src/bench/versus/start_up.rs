// SPDX-License-Identifier: MIT OR Apache-2.0
//! From QEMU's start to the first HTTP answer of httpd, by the same image and cfg.
use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{Pair, Table};
use crate::{
    bench::{median, start_up},
    build::Profile,
    http,
    progress::Step,
    qemu::{Forward, Machine},
    ramdisk::Domain,
    real_xen::{NO_MITIGATIONS, Options, RealXen},
    run::any_free,
    session::Session,
    workspace::Workspace,
};

const RUNS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn measure(workspace: &Workspace) -> Result<Table> {
    let ours = start_up::measure(workspace)?;
    let ours = ours.last().context("nothing was measured on hv")?.value;
    let folder = workspace.target_dir().join("run").join("bench");
    let domains = [Domain::of_app(workspace, "httpd")?];
    let options = Options { xen_arguments: NO_MITIGATIONS, ..Options::default() };
    let xen = RealXen::fetch(workspace)?;
    let mut seconds = Vec::new();
    for _ in 0..RUNS {
        let _step = Step::start("Starting the real Xen");
        let mut machine = xen.machine(workspace, Profile::Image, &domains, &folder, &options)?;
        let port = any_free()?;
        let address = domains.iter().find_map(|domain| domain.config().address());
        machine.forwards.extend(address.map(|address| Forward::tcp(port, address, 80)));
        seconds.push(until_answer(&machine, port, &folder.join("start-on-xen.log"))?);
    }
    let rows = vec![Pair {
        name: "QEMU's start to the first HTTP answer".to_owned(),
        hv: ours,
        xen: median(seconds),
        xen_defaults: None,
    }];
    Ok(Table {
        title: "seconds",
        hv: "hv, dom0 on minios",
        xen: "Xen 4.17, Linux dom0",
        rows,
        note: "httpd and its cfg are the same.".to_owned(),
    })
}

fn until_answer(machine: &Machine, port: u16, log: &Path) -> Result<f64> {
    let mut session = Session::start(machine, log)?;
    while !http::answers(port, "/") {
        ensure!(session.age() < PATIENCE, "no answer on Xen within {} s", PATIENCE.as_secs());
        // What it prints goes to its log.
        let _ = session.line(Instant::now() + Duration::from_millis(20))?;
    }
    Ok(session.age().as_secs_f64())
}
