// SPDX-License-Identifier: MIT OR Apache-2.0
//! `ping ADDRESS` at the prompt: four echo requests.

use alloc::format;
use alloc::string::String;
use core::net::IpAddr;

use minios::net::{Error, PingSocket, Stack};
use minios::random;
use minios::time::{Duration, Instant, Timer, with_timeout};

const REQUESTS: u16 = 4;
/// How long a reply may take: the stack looks for one neighbour a second.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long after a reply the next request is sent.
const PAUSE: Duration = Duration::from_millis(200);

/// Pings `peer`, and tells of each reply by a line for `print`, and of all in the last.
///
/// # Errors
/// What is wrong with the address or the network.
pub(crate) async fn ping(
    stack: &Stack,
    peer: &str,
    mut print: impl FnMut(&str),
) -> Result<(), String> {
    let peer: IpAddr = peer.parse().map_err(|_| {
        format!("`{peer}` is no address such as 10.0.2.2 or fe80::216:3eff:fe00:10")
    })?;
    let network = |error: Error| format!("{error}");
    let [a, b, ..] = random::u64().to_le_bytes();
    let socket = PingSocket::new(stack, u16::from_le_bytes([a, b])).map_err(network)?;
    let mut received = 0;
    for sequence in 1..=REQUESTS {
        let start = Instant::now();
        socket.send(peer, sequence).map_err(network)?;
        match with_timeout(PATIENCE, reply(&socket, sequence)).await {
            Ok(bytes) => {
                let us = start.elapsed().as_micros();
                let (ms, rest) = (us / 1000, us % 1000);
                let bytes = bytes.map_err(network)?;
                print(&format!("{bytes} bytes from {peer}: seq={sequence} time={ms}.{rest:03} ms"));
                received += 1;
            }
            Err(_) => print(&format!("no reply from {peer}: seq={sequence}")),
        }
        if sequence < REQUESTS {
            Timer::after(PAUSE).await;
        }
    }
    print(&format!("{REQUESTS} requests, {received} replies"));
    Ok(())
}

/// The reply to one request; late ones to others are passed over.
async fn reply(socket: &PingSocket, sequence: u16) -> Result<usize, Error> {
    loop {
        let (got, bytes) = socket.receive().await?;
        if got == sequence {
            return Ok(bytes);
        }
    }
}
