// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests per second and bytes per second, from the host, in wall time.
use anyhow::{Context, Result};

use super::Row;
use crate::{
    service::{Service, output},
    workspace::Workspace,
};

const DOWNLOAD: &str = "/bytes/67108864";

pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    let service = Service::start(workspace, &[])?;
    let mut rows = Vec::new();
    for connections in ["1", "32"] {
        let name = format!("keep-alive requests of 1 KiB, {connections} connections");
        rows.push(Row::new(name, requests_per_second(&service, connections)?, "requests/s"));
    }
    rows.push(Row::new("down", megabytes_per_second(&service, DOWNLOAD)?, "MB/s"));
    Ok(rows)
}

fn requests_per_second(service: &Service, connections: &str) -> Result<f64> {
    let url = service.url("/bytes/1024");
    let report = output("wrk", &["-t", "1", "-c", connections, "-d", "5s", &url])?;
    let line = report.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    Ok(line.context("wrk says no requests per second")?.trim().parse()?)
}

fn megabytes_per_second(service: &Service, path: &str) -> Result<f64> {
    let usual = ["--output", "/dev/null", "--write-out", "%{speed_download}", "--max-time", "120"];
    Ok(service.curl(path, &usual)?.trim().parse::<f64>()? / 1e6)
}
