// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests per second and bytes per second, from the host, in wall time.
use std::{env, fs, process};

use anyhow::{Context, Result};

use super::Row;
use crate::{
    progress::Step,
    service::{Service, output},
    workspace::Workspace,
};

/// Bytes of the large body, either way.
pub(super) const LARGE: u64 = 64 << 20;

pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    let service = Service::start(workspace, &[])?;
    let mut rows = Vec::new();
    for connections in [1, 32] {
        let rate = requests_per_second(&service, connections)?;
        rows.push(Row::new(super::requests(connections), rate, "requests/s"));
    }
    rows.push(Row::new("down", download(&service)?, "MB/s"));
    rows.push(Row::new("up", upload(&service)?, "MB/s"));
    Ok(rows)
}

fn requests_per_second(service: &Service, connections: u32) -> Result<f64> {
    let _step = Step::start(format!("wrk, {connections} connections"));
    let url = service.url("/bytes/1024");
    let connections = connections.to_string();
    let report = output("wrk", &["-t", "1", "-c", &connections, "-d", "5s", &url])?;
    let line = report.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    Ok(line.context("wrk says no requests per second")?.trim().parse()?)
}

fn download(service: &Service) -> Result<f64> {
    let _step = Step::start("Downloading");
    megabytes_per_second(service, &format!("/bytes/{LARGE}"), "%{speed_download}", &[])
}

fn upload(service: &Service) -> Result<f64> {
    let _step = Step::start("Uploading");
    let path = env::temp_dir().join(format!("hv-bench-{}", process::id()));
    fs::File::create(&path)?.set_len(LARGE)?;
    let file = path.display().to_string();
    let rate = megabytes_per_second(service, "/bytes", "%{speed_upload}", &["-T", &file]);
    fs::remove_file(&path)?;
    rate
}

fn megabytes_per_second(service: &Service, path: &str, speed: &str, more: &[&str]) -> Result<f64> {
    let usual = ["--fail", "--output", "/dev/null", "--write-out", speed, "--max-time", "120"];
    let printed = service.curl(path, &[&usual[..], more].concat())?;
    Ok(printed.trim().parse::<f64>()? / 1e6)
}
