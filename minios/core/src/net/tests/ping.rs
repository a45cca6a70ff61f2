// SPDX-License-Identifier: MIT OR Apache-2.0
//! Echo requests and replies.

use super::pair::Pair;
use crate::net::PingSocket;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The server, by either protocol.
const SERVER: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1)),
];

#[test]
fn a_reply_to_each_request() {
    let pair = Pair::plain();
    let socket = PingSocket::new(&pair.client, 7).unwrap();
    let other = PingSocket::new(&pair.client, 8).unwrap();
    for server in SERVER {
        for sequence in [1, 2, 300] {
            socket.send(server, sequence).unwrap();
            assert_eq!(pair.run(socket.receive()), Ok((sequence, 32)), "{server}");
        }
    }
    assert_eq!(pair.run_for(1_000_000, other.receive()), None);
}

#[test]
fn nobody_there() {
    let pair = Pair::plain();
    let socket = PingSocket::new(&pair.client, 7).unwrap();
    socket.send(Ipv4Addr::new(10, 0, 0, 9).into(), 1).unwrap();
    assert_eq!(pair.run_for(3_000_000, socket.receive()), None);
}
