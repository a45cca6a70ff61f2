// SPDX-License-Identifier: MIT OR Apache-2.0
//! Single requests.
use std::io::{Read, Write};

use anyhow::{Context, Result, ensure};

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

/// What may be done with a page, and with the server.
pub(super) fn options(service: &Service) -> Result<()> {
    for arguments in [&["-X", "OPTIONS"][..], &["-X", "OPTIONS", "--request-target", "*"]] {
        let answer = service.curl("/", &[arguments, &["--include"]].concat())?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "{}", first_line(&answer));
        ensure!(answer.contains("Allow: GET, HEAD, OPTIONS\r\n"), "{answer}");
    }
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

/// Parts of a body, and of a file that the client has already.
pub(super) fn parts(service: &Service) -> Result<()> {
    let head = service.curl("/about.html", &["--head"])?;
    let tag = head.lines().find_map(|line| line.strip_prefix("ETag: ")).map(str::trim);
    let tag = tag.with_context(|| format!("no ETag: {head}"))?;
    let (same, other) = (format!("If-None-Match: \"x\", {tag}"), "If-None-Match: \"x\"");
    let (of_same, of_other) = (format!("If-Range: {tag}"), "If-Range: \"x\"");
    for (path, arguments, expected) in [
        ("/bytes/1000", &["--range", "990-"][..], "206 10"),
        ("/bytes/1000", &["--range", "-1"], "206 1"),
        ("/bytes/1000", &["--range", "0-0,5-6"], "200 1000"),
        ("/about.html", &["--header", &same], "304 0"),
        ("/about.html", &["--header", other, "--range", "0-4"], "206 5"),
        ("/about.html", &["--header", &of_same, "--range", "1-4"], "206 4"),
        ("/bytes/9", &["--header", of_other, "--range", "1-4"], "200 9"),
    ] {
        let usual = ["--output", "/dev/null", "--write-out", "%{http_code} %{size_download}"];
        let got = service.curl(path, &[&usual[..], arguments].concat())?;
        ensure!(got == expected, "{got} instead of {expected} for {path} with {arguments:?}");
    }
    Ok(())
}

/// Requests that do not wait for the answers before them are answered in their order.
pub(super) fn pipelining(service: &Service) -> Result<()> {
    let mut stream = service.connect()?;
    stream.write_all(
        b"GET /bytes/3 HTTP/1.1\r\nHost: x\r\n\r\nHEAD /bytes/4 HTTP/1.1\r\nHost: x\r\n\r\n\
          GET /bytes/5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )?;
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers)?;
    let text = String::from_utf8_lossy(&answers);
    let lengths: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("Content-Length: ")).collect();
    ensure!(lengths == ["3", "4", "5"], "{text}");
    ensure!(answers.ends_with(b"\r\n\r\n\0\x01\x02\x03\x04"), "the last body is another");
    Ok(())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("no answer")
}
