// SPDX-License-Identifier: MIT OR Apache-2.0
//! Single requests.
use anyhow::{Result, ensure};

use crate::service::Service;

/// The default page is HTML and says who answers.
pub(super) fn front_page(service: &Service) -> Result<()> {
    let answer = service.curl("/", &["--include"])?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{}", first_line(&answer));
    let lower = answer.to_lowercase();
    ensure!(lower.contains("content-type: text/html"), "it is no HTML: {answer}");
    ensure!(lower.contains("<h1"), "it has no heading: {answer}");
    Ok(())
}

/// A file of the ramdisk, and one that is not there.
pub(super) fn files(service: &Service) -> Result<()> {
    let answer = service.curl("/about.html", &["--include"])?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{}", first_line(&answer));
    ensure!(answer.contains("<h1>A file</h1>"), "not the file: {answer}");
    let answer = service.curl("/no/such/file", &["--include"])?;
    ensure!(answer.starts_with("HTTP/1.1 404"), "{}", first_line(&answer));
    let answer = service.curl("/healthz", &["--include"])?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "healthz: {}", first_line(&answer));
    Ok(())
}

/// HEAD gives the head of GET.
pub(super) fn head(service: &Service) -> Result<()> {
    let head = service.curl("/bytes/1000", &["--head"])?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{}", first_line(&head));
    ensure!(head.to_lowercase().contains("content-length: 1000"), "{head}");
    Ok(())
}

/// `/bytes/N` is N bytes.
pub(super) fn bytes(service: &Service) -> Result<()> {
    for count in ["0", "1", "251", "1460", "100000"] {
        let arguments = ["--fail", "--output", "/dev/null", "--write-out", "%{size_download}"];
        let size = service.curl(&format!("/bytes/{count}"), &arguments)?;
        ensure!(size == count, "{size} bytes instead of {count}");
    }
    Ok(())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("no answer")
}
