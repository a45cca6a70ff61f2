// SPDX-License-Identifier: MIT OR Apache-2.0
//! apps/echo, from the host.
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream, UdpSocket},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::{Place, until};

/// Datagrams up to the largest that fits into a packet.
const LENGTHS: [usize; 4] = [1, 100, 1000, 1472];

/// A connection to the echo domain that has been used.
pub(super) fn connect(place: &Place) -> Result<TcpStream> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, place.echo_tcp))?;
    stream.set_read_timeout(Some(super::PATIENCE))?;
    say(&mut stream, b"hello")?;
    Ok(stream)
}

/// Sends `bytes` and expects them back.
pub(super) fn say(stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
    stream.write_all(bytes).context("cannot send")?;
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).context("nothing comes back")?;
    ensure!(back == bytes, "something else comes back");
    Ok(())
}

pub(super) fn tcp(place: &mut Place) -> Result<()> {
    let mut stream = connect(place)?;
    let long: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    long.chunks(8000).try_for_each(|piece| say(&mut stream, piece))
}

pub(super) fn udp(place: &mut Place) -> Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect((Ipv4Addr::LOCALHOST, place.echo_udp))?;
    socket.set_read_timeout(Some(Duration::from_millis(500)))?;
    for length in LENGTHS {
        let sent: Vec<u8> = (0..length).map(|n| n.to_le_bytes()[0]).collect();
        let mut back = [0; 2048];
        // Datagrams may be lost.
        until("an echo", || {
            socket.send(&sent).is_ok() && socket.recv(&mut back).is_ok_and(|got| got == length)
        })?;
        ensure!(back[..length] == sent, "something else comes back");
    }
    Ok(())
}
