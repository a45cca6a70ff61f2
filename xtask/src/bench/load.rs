// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests per second and bytes per second, from the host, in wall time.
use std::fs;

use anyhow::{Context, Result};

use super::Row;
use crate::{
    service::{Service, output},
    workspace::Workspace,
};

const DOWNLOAD: &str = "/bytes/67108864";
const UPLOAD_BYTES: usize = 16 << 20;

pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    let service = Service::start(workspace, &[])?;
    let mut rows = Vec::new();
    for connections in ["1", "32"] {
        let name = format!("keep-alive requests of 1 KiB, {connections} connections");
        rows.push(Row::new(name, requests_per_second(&service, connections)?, "requests/s"));
    }
    rows.push(Row::new("down", megabytes_per_second(&service, DOWNLOAD, &[])?, "MB/s"));
    let upload = workspace.target_dir().join("run").join("bench-upload");
    fs::write(&upload, vec![b'x'; UPLOAD_BYTES])?;
    let data = format!("@{}", upload.display());
    let arguments = ["--header", "Expect:", "--data-binary", &data];
    rows.push(Row::new("up", megabytes_per_second(&service, "/", &arguments)?, "MB/s"));
    Ok(rows)
}

fn requests_per_second(service: &Service, connections: &str) -> Result<f64> {
    let url = service.url("/bytes/1024");
    let report = output("wrk", &["-t", "1", "-c", connections, "-d", "5s", &url])?;
    let line = report.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    Ok(line.context("wrk says no requests per second")?.trim().parse()?)
}

fn megabytes_per_second(service: &Service, path: &str, arguments: &[&str]) -> Result<f64> {
    let what = if arguments.is_empty() { "%{speed_download}" } else { "%{speed_upload}" };
    let usual = ["--output", "/dev/null", "--write-out", what, "--max-time", "120"];
    let speed = service.curl(path, &[&usual, arguments].concat())?;
    Ok(speed.trim().parse::<f64>()? / 1e6)
}
