// SPDX-License-Identifier: MIT OR Apache-2.0
use super::pair::Pair;
use crate::net::{Error, UdpSocket};
use core::net::SocketAddr;

#[test]
fn datagrams_arrive() {
    let pair = Pair::plain();
    let server = UdpSocket::bind(&pair.server, 7).unwrap();
    let client = UdpSocket::bind(&pair.client, 0).unwrap();
    assert_eq!(UdpSocket::bind(&pair.server, 7).err(), Some(Error::AddressInUse));
    let mut buffer = [0; 100];
    pair.run(async {
        client.send_to(b"hello", SocketAddr::from(([10, 0, 0, 1], 7))).await.unwrap();
        let (length, peer) = server.receive_from(&mut buffer).await.unwrap();
        assert_eq!(peer, SocketAddr::from(([10, 0, 0, 2], client.port())));
        server.send_to(&buffer[..length], peer).await.unwrap();
        let (length, _) = client.receive_from(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..length], b"hello");
    });
}

#[test]
fn a_datagram_must_fit() {
    let pair = Pair::plain();
    let server = UdpSocket::bind(&pair.server, 7).unwrap();
    let client = UdpSocket::bind(&pair.client, 0).unwrap();
    let to = SocketAddr::from(([10, 0, 0, 1], 7));
    assert_eq!(pair.run(client.send_to(&[0; 70_000], to)), Err(Error::TooLong));
    pair.run(client.send_to(b"hello", to)).unwrap();
    assert_eq!(pair.run(server.receive_from(&mut [0; 2])), Err(Error::TooLong));
}
