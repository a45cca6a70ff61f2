// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clients that mean no good.
use std::{
    io::{ErrorKind, Read, Write},
    iter, thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, ensure};

use crate::service::{Service, status};

const SLOW_CLIENTS: usize = 200;
/// Connections that httpd serves at a time, with the memory that its cfg has.
const SERVED_AT_ONCE: usize = 96;
/// QEMU's user network asks for a connection again after 6, 18 and 42 seconds.
const PATIENCE: Duration = Duration::from_secs(75);
/// What curl is to print: the status.
const CODE: &str = "%{http_code}";

/// Malformed and oversized heads.
pub(super) fn bad_requests(service: &Service) -> Result<()> {
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(1 << 17));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "a: b\r\n".repeat(5000));
    for (request, status) in [
        ("nonsense\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        ("GET /../../secret HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET /%2e%2e/secret HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        ("CONNECT a.example:80 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (long.as_str(), 431),
        (many.as_str(), 431),
    ] {
        let got = service.status_of(request.as_bytes())?;
        let start: String = request.chars().take(30).collect();
        ensure!(got == status, "{got} instead of {status} for {start:?}");
    }
    Ok(())
}

/// More clients than httpd has connections for ask for much and take nothing; another is served.
pub(super) fn clients_that_do_not_read(service: &Service) -> Result<()> {
    let request = b"GET /bytes/1000000000 HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut stalled = Vec::new();
    for _ in 0..SERVED_AT_ONCE + 24 {
        let mut stream = service.connect()?;
        stream.write_all(request)?;
        stalled.push(stream);
    }
    for _ in 0..5 {
        let status = service.curl("/healthz", &["--output", "/dev/null", "--write-out", CODE])?;
        ensure!(status == "200", "another client got {status}");
    }
    Ok(())
}

/// How a slow client's connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With an answer of this status.
    Status(u16),
    /// Refused, or reset without an answer.
    Refused,
    /// In order and without an answer.
    Silent,
    /// Not at all, in time.
    Open,
}

/// Each of 200 clients that send a byte a second gets 408 or is refused, as many as httpd has
/// connections for get 408, and another client is served all the time.
pub(super) fn slow_clients(service: &Service) -> Result<()> {
    let ends: Vec<End> = thread::scope(|scope| {
        let slow: Vec<_> =
            (0..SLOW_CLIENTS).map(|_| scope.spawn(|| slow_client(service))).collect();
        while slow.iter().any(|client| !client.is_finished()) {
            let status =
                service.curl("/healthz", &["--output", "/dev/null", "--write-out", CODE])?;
            ensure!(status == "200", "another client got {status}");
            thread::sleep(Duration::from_millis(500));
        }
        let joined = slow.into_iter().map(|client| client.join());
        joined.map(|end| end.map_err(|_| anyhow!("a client panicked"))).collect::<Result<_>>()
    })?;
    let count = |end| ends.iter().filter(|it| **it == end).count();
    let (late, refused) = (count(End::Status(408)), count(End::Refused));
    ensure!(late + refused == SLOW_CLIENTS, "neither 408 nor refused: {ends:?}");
    ensure!(late >= SERVED_AT_ONCE, "{late} got 408, {refused} were refused");
    println!("        {late} of {SLOW_CLIENTS} got 408, {refused} were refused");
    Ok(())
}

/// Sends a head that never ends, a byte a second, until the server has enough of it.
fn slow_client(service: &Service) -> End {
    let Ok(mut stream) = service.connect() else { return End::Refused };
    if stream.set_read_timeout(Some(Duration::from_secs(1))).is_err() {
        return End::Refused;
    }
    let start = Instant::now();
    let mut head = b"GET / HTTP/1.1\r\nHost: x\r\nX: ".iter().chain(iter::repeat(&b'y'));
    let mut answer = Vec::new();
    while start.elapsed() < PATIENCE {
        // After the server's last word this fails, and the word is still there to be read.
        let _ = head.next().map(|byte| stream.write_all(&[*byte]));
        let mut piece = [0; 256];
        match stream.read(&mut piece) {
            Ok(0) => return End::Silent,
            Ok(length) => answer.extend_from_slice(&piece[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return End::Refused,
        }
        if let Some(status) = status(&answer) {
            return End::Status(status);
        }
    }
    End::Open
}
