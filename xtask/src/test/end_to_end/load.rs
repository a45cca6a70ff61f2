// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many requests, and large answers.
use std::{
    io::Write,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::service::{Service, output};

/// Bytes of the large download.
const LARGE: u64 = 64 << 20;
/// A page that is the same at each request.
const PAGE: &str = "/about.html";

/// 10,000 requests on 32 connections that stay open.
pub(super) fn keep_alive(service: &Service) -> Result<()> {
    ab(service, &["-k", "-n", "10000", "-c", "32"], PAGE)
}

/// 10,000 requests with a connection each, 32 at a time.
pub(super) fn connections(service: &Service) -> Result<()> {
    ab(service, &["-n", "10000", "-c", "32"], PAGE)
}

/// What an appliance with little memory must stand.
pub(super) fn small(service: &Service) -> Result<()> {
    ab(service, &["-n", "1000", "-c", "16"], PAGE)?;
    let metrics = service.curl("/metrics", &[])?;
    for line in metrics.lines().filter(|line| line.contains("heap") && !line.starts_with('#')) {
        println!("        {line}");
    }
    Ok(())
}

/// A few seconds of wrk.
pub(super) fn wrk(service: &Service) -> Result<()> {
    let report = output("wrk", &["-t", "1", "-c", "32", "-d", "5s", &service.url("/")])?;
    let bad = |line: &&str| line.contains("Socket errors") || line.contains("Non-2xx");
    let bad: Vec<&str> = report.lines().filter(bad).collect();
    ensure!(bad.is_empty(), "{}", bad.join("; "));
    let requests = report.lines().find(|line| line.contains("requests in"));
    println!("        {}", requests.context("wrk did nothing")?.trim());
    Ok(())
}

/// 64 MiB, whose SHA-256 must be that of the known bytes.
pub(super) fn download(service: &Service) -> Result<()> {
    let url = service.url(&format!("/bytes/{LARGE}"));
    let command = format!("curl --silent --show-error --fail --max-time 120 '{url}' | sha256sum");
    let got = output("sh", &["-c", &command])?;
    ensure!(digest(&got) == digest(&known_sha256(LARGE)?), "another SHA-256: {}", got.trim());
    Ok(())
}

fn ab(service: &Service, arguments: &[&str], path: &str) -> Result<()> {
    let url = service.url(path);
    let mut words = vec!["-q", "-s", "120"];
    words.extend_from_slice(arguments);
    words.push(&url);
    let report = output("ab", &words)?;
    let number = |key: &str| {
        let line = report.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.split_whitespace().next())
    };
    let well = number("Failed requests:") == Some("0") && number("Non-2xx responses:").is_none();
    ensure!(well, "{}", complaints(&report));
    println!("        {} requests/s", number("Requests per second:").unwrap_or("?"));
    Ok(())
}

/// What a report of ab says of requests that failed.
fn complaints(report: &str) -> String {
    let keys = ["Complete requests", "Failed requests", "(Connect:", "Non-2xx", "100%"];
    let lines = report.lines().map(str::trim);
    lines.filter(|line| keys.iter().any(|key| line.starts_with(key))).collect::<Vec<_>>().join("; ")
}

/// SHA-256 of so many of the known bytes, from sha256sum.
pub(crate) fn known_sha256(length: u64) -> Result<String> {
    let mut child =
        Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().context("no pipe to sha256sum")?;
    // A whole number of periods of the pattern at a time.
    let block: Vec<u8> = (0..251_u8).cycle().take(251 * 256).collect();
    let mut left = length;
    while left > 0 {
        let count = usize::try_from(left)?.min(block.len());
        input.write_all(&block[..count])?;
        left -= count as u64;
    }
    drop(input);
    Ok(String::from_utf8_lossy(&child.wait_with_output()?.stdout).into_owned())
}

fn digest(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}
