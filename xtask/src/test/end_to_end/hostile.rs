// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clients that mean no good.
use std::{
    io::Write,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::service::{Service, read_status};

const SLOW_CLIENTS: usize = 200;

/// Malformed and oversized heads.
pub(super) fn bad_requests(service: &Service) -> Result<()> {
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(1 << 17));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "a: b\r\n".repeat(5000));
    for (request, status) in [
        ("nonsense\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        ("GET /../../secret HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (long.as_str(), 431),
        (many.as_str(), 431),
    ] {
        let got = service.status_of(request.as_bytes())?;
        let start: String = request.chars().take(30).collect();
        ensure!(got == status || (got == 404 && status == 400), "{got} for {start:?}");
    }
    Ok(())
}

/// 200 clients that send a byte a second get 408 or are sent away; another one is served.
pub(super) fn slow_clients(service: &Service) -> Result<()> {
    let mut slow: Vec<TcpStream> =
        (0..SLOW_CLIENTS).map(|_| service.connect()).collect::<Result<_>>()?;
    let start = Instant::now();
    let head = b"GET / HTTP/1.1\r\nHost: x\r\nX: yyyyyyyyyyyyyyyyyyy";
    for byte in head.iter().take(12) {
        for stream in &mut slow {
            // Some are closed on by now.
            let _ = stream.write_all(&[*byte]);
        }
        let status =
            service.curl("/", &["--output", "/dev/null", "--write-out", "%{http_code}"])?;
        ensure!(status == "200", "another client got {status} after {:?}", start.elapsed());
        thread::sleep(Duration::from_secs(1));
    }
    let status = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        read_status(stream).ok()
    };
    let statuses: Vec<_> = slow.iter_mut().map(status).collect();
    let late = statuses.iter().filter(|status| **status == Some(408)).count();
    ensure!(late > 0, "nobody got 408");
    ensure!(statuses.iter().flatten().all(|status| matches!(status, 408 | 503)), "{statuses:?}");
    println!("        {late} of {SLOW_CLIENTS} got 408, the others nothing");
    Ok(())
}
