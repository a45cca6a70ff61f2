// SPDX-License-Identifier: MIT OR Apache-2.0
//! Not a test: the partner of `resolver`, a name server that knows one name (RFC 1035).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddr};
use minios::net::{Error, StartError, UdpSocket};

minios::entry!(serve);

const PORT: u16 = 53;
/// The name as it stands in a question: a length before each label.
const KNOWN: &[u8] = b"\x05known\x07example\x00";
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
const HEADER: usize = 12;
/// A response, to a question that wanted recursion, with recursion available.
const RESPONSE: u16 = 0x8180;
const NO_SUCH_NAME: u16 = 3;

async fn serve() -> Result<(), StartError> {
    let stack = minios::net::start().await?;
    let socket = UdpSocket::bind(&stack, PORT)?;
    let mut buffer = [0; 512];
    loop {
        let Ok((length, peer)) = socket.receive_from(&mut buffer).await else { continue };
        if let Err(error) = answer(&socket, &buffer[..length], peer).await {
            log::info!("{peer}: {error}");
        }
    }
}

/// Answers a question, but first as somebody would who only guesses.
async fn answer(socket: &UdpSocket, question: &[u8], peer: SocketAddr) -> Result<(), Error> {
    let Some((header, rest)) = question.split_at_checked(HEADER) else { return Ok(()) };
    let id = [header[0], header[1]];
    let other = [id[0], !id[1]];
    socket.send_to(b"nonsense", peer).await?;
    socket.send_to(&response(other, rest, Ipv4Addr::new(192, 0, 2, 66)), peer).await?;
    socket.send_to(&response(id, rest, ADDRESS), peer).await
}

/// The response to the question section `rest`: an address for the known name, else an error.
fn response(id: [u8; 2], rest: &[u8], address: Ipv4Addr) -> Vec<u8> {
    let known = rest.starts_with(KNOWN);
    let flags = if known { RESPONSE } else { RESPONSE | NO_SUCH_NAME };
    let mut bytes = Vec::from(id);
    for number in [flags, 1, known.into(), 0, 0] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend(rest);
    if known {
        // The name of the question, type A, class IN, for 60 s, 4 bytes.
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        bytes.extend(address.octets());
    }
    bytes
}
