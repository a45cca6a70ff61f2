// SPDX-License-Identifier: MIT OR Apache-2.0
//! Echo requests and replies.

use super::pair::Pair;
use crate::net::PingSocket;
use core::net::Ipv4Addr;

#[test]
fn a_reply_to_each_request() {
    let pair = Pair::plain();
    let socket = PingSocket::new(&pair.client, 7).unwrap();
    let other = PingSocket::new(&pair.client, 8).unwrap();
    for sequence in [1, 2, 300] {
        socket.send(Ipv4Addr::new(10, 0, 0, 1), sequence).unwrap();
        assert_eq!(pair.run(socket.receive()), Ok((sequence, 32)));
    }
    assert_eq!(pair.run_for(1_000_000, other.receive()), None);
}

#[test]
fn nobody_there() {
    let pair = Pair::plain();
    let socket = PingSocket::new(&pair.client, 7).unwrap();
    socket.send(Ipv4Addr::new(10, 0, 0, 9), 1).unwrap();
    assert_eq!(pair.run_for(3_000_000, socket.receive()), None);
}
