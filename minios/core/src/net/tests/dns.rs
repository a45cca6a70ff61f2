// SPDX-License-Identifier: MIT OR Apache-2.0
use super::pair::Pair;
use crate::net::{Error, UdpSocket};
use alloc::vec;
use core::net::IpAddr;

/// Answers one question with 192.0.2.7, or with an error.
async fn answer(socket: &UdpSocket, known: bool) {
    let mut buffer = [0; 512];
    let (length, peer) = socket.receive_from(&mut buffer).await.unwrap();
    let mut reply = buffer[..length].to_vec();
    if known {
        reply[2..4].copy_from_slice(&[0x81, 0x80]);
        reply[7] = 1;
        reply.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    } else {
        reply[2..4].copy_from_slice(&[0x81, 0x83]);
    }
    socket.send_to(&reply, peer).await.unwrap();
}

#[test]
fn names_have_addresses() {
    let pair = Pair::plain();
    let server = UdpSocket::bind(&pair.server, 53).unwrap();
    let asked =
        embassy_futures::join::join(pair.client.resolve("www.example.org"), answer(&server, true));
    assert_eq!(pair.run(asked).0, Ok(vec![IpAddr::from([192, 0, 2, 7])]));
    let asked = embassy_futures::join::join(pair.client.resolve("nowhere"), answer(&server, false));
    assert_eq!(pair.run(asked).0, Err(Error::Unresolved));
}

#[test]
fn an_address_is_not_asked_for() {
    let pair = Pair::plain();
    let address = pair.run(pair.client.resolve("10.1.2.3"));
    assert_eq!(address, Ok(vec![IpAddr::from([10, 1, 2, 3])]));
}

#[test]
fn silence_is_no_answer() {
    let pair = Pair::plain();
    assert_eq!(pair.run(pair.client.resolve("www.example.org")), Err(Error::Unresolved));
}
