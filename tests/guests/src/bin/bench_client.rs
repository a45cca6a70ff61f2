// SPDX-License-Identifier: MIT OR Apache-2.0
//! Not a test: what requests over the switch cost, in ticks of the TSC: this domain, the `httpd`
//! domain at 10.0.2.16, dom0 and the hypervisor together. Under QEMU's `-icount` a tick is an
//! instruction.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use core::arch::x86_64::_rdtsc;
use core::net::{Ipv4Addr, SocketAddr};
use minios::net::io::{Read, Write};
use minios::net::{Error, TcpStream};
use test_report::Report;

test_report::guest!(run);

const SERVER: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 0, 2, 16), 80);
const MIB: usize = 1 << 20;

async fn run(report: &mut Report) {
    let stack = match minios::net::start().await {
        Ok(stack) => stack,
        Err(error) => return report.error("the network", error),
    };
    let mut stream = match TcpStream::connect(&stack, SocketAddr::from(SERVER)).await {
        Ok(stream) => stream,
        Err(error) => return report.error("connecting", error),
    };
    let get = |bytes| format!("GET /bytes/{bytes} HTTP/1.1\r\nHost: bench\r\n\r\n");
    let put = format!("PUT /bytes HTTP/1.1\r\nHost: bench\r\nContent-Length: {MIB}\r\n\r\n");
    let line = "1048576 bytes, xxh64 0123456789abcdef\n".len();
    for (name, head, upload, answer, rounds) in [
        ("keep-alive GET of 1 KiB between two domUs", get(1024), 0, 1024, 500),
        ("download of 1 MiB between two domUs", get(MIB), 0, MIB, 8),
        ("upload of 1 MiB between two domUs", put, MIB, line, 8),
    ] {
        match measure(&mut stream, &Request { head, upload, answer }, rounds).await {
            Ok(ticks) => report.figure(name, ticks),
            Err(error) => return report.error(name, error),
        }
    }
}

/// A request: its head, how many bytes follow it, and how many the body of its answer has.
struct Request {
    head: String,
    upload: usize,
    answer: usize,
}

/// The median of five rounds, each of `rounds` requests one after the other.
async fn measure(stream: &mut TcpStream, request: &Request, rounds: u64) -> Result<u64, Error> {
    let mut buffer = alloc::vec![0; 64 << 10];
    exchange(stream, request, &mut buffer).await?;
    let mut results = [0; 5];
    for result in &mut results {
        // SAFETY: reads a counter.
        let start = unsafe { _rdtsc() };
        for _ in 0..rounds {
            exchange(stream, request, &mut buffer).await?;
        }
        // SAFETY: reads a counter.
        let end = unsafe { _rdtsc() };
        *result = (end - start) / rounds;
    }
    results.sort_unstable();
    Ok(results[2])
}

/// One request; returns when the whole answer has come.
async fn exchange(
    stream: &mut TcpStream,
    request: &Request,
    buffer: &mut [u8],
) -> Result<(), Error> {
    stream.write_all(request.head.as_bytes()).await?;
    let mut left = request.upload;
    while left > 0 {
        left -= stream
            .write_with(|room| {
                let length = room.len().min(left);
                room[..length].fill(0);
                (length, length)
            })
            .await?;
    }
    let (mut filled, mut head) = (0, None);
    let head = loop {
        filled += some(stream, &mut buffer[filled..]).await?;
        head = head.or_else(|| find_end(&buffer[..filled]));
        if let Some(head) = head {
            break head;
        }
    };
    let mut body = filled - head;
    while body < request.answer {
        body += some(stream, buffer).await?;
    }
    Ok(())
}

/// At least one byte.
async fn some(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<usize, Error> {
    match stream.read(buffer).await? {
        0 => Err(Error::ConnectionReset),
        length => Ok(length),
    }
}

/// Where the body begins.
fn find_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}
