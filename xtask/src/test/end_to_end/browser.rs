// SPDX-License-Identifier: MIT OR Apache-2.0
//! httpd's page in a browser without a window.
use std::env;

use anyhow::{Context, Result, ensure};

use crate::{
    service::{Service, output},
    setup,
};

/// The page is whole, needs nothing but itself, and a picture of it can be looked at.
pub(super) fn page(service: &Service) -> Result<()> {
    let dom = browse(service, "--dump-dom")?;
    for part in ["<h1>It works</h1>", "<dt>Domain</dt><dd>httpd, ", "<dt>Hypervisor</dt><dd>Xen "] {
        ensure!(dom.contains(part), "no {part} in {dom}");
    }
    let requests = service.curl("/requests", &[])?;
    let last = requests.lines().last().unwrap_or_default();
    ensure!(last.contains(" GET / 200 "), "the browser wanted more than the page: {last}");
    let picture = env::temp_dir().join("hv-httpd.png");
    browse(service, &format!("--screenshot={}", picture.display()))?;
    println!("        {}", picture.display());
    Ok(())
}

fn browse(service: &Service, action: &str) -> Result<String> {
    let browser = setup::browser().context("no browser")?;
    let profile = env::temp_dir().join("hv-browser");
    let profile = format!("--user-data-dir={}", profile.display());
    let window = "--window-size=800,800";
    // The sandbox does not work for root or in containers, and the page is our own.
    let usual = ["60", browser, "--headless", "--no-sandbox", "--disable-gpu", window];
    output("timeout", &[&usual[..], &[&profile, action, &service.url("/")]].concat())
}
