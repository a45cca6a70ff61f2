// SPDX-License-Identifier: MIT OR Apache-2.0
use super::pair::{Pair, all, limits};
use crate::link::Capabilities;
use crate::net::{Error, Limits, TcpListener, TcpStream};
use alloc::vec::Vec;
use core::net::SocketAddr;

fn server() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 80))
}

fn connects(pair: &Pair, count: usize) -> Vec<impl Future<Output = Result<TcpStream, Error>>> {
    (0..count).map(|_| TcpStream::connect(&pair.client, server())).collect()
}

#[test]
fn a_port_is_bound_once() {
    let pair = Pair::plain();
    let listener = TcpListener::bind(&pair.server, 80, 4).unwrap();
    assert_eq!(TcpListener::bind(&pair.server, 80, 4).err(), Some(Error::AddressInUse));
    assert_eq!(TcpListener::bind(&pair.server, 0, 4).err(), Some(Error::Unaddressable));
    drop(listener);
    assert!(TcpListener::bind(&pair.server, 80, 4).is_ok());
}

#[test]
fn a_burst_waits_in_the_backlog() {
    let pair = Pair::plain();
    let mut listener = TcpListener::bind(&pair.server, 80, 8).unwrap();
    let clients = pair.run(all(connects(&pair, 4)));
    assert!(clients.iter().all(Result::is_ok));
    for _ in 0..4 {
        pair.run(listener.accept());
    }
}

/// Four connections from their requests to their ends, all at once, over a link with room for
/// `room` packets of the server. Returns how many packets the clients sent.
fn four_at_once(room: usize) -> u64 {
    let pair = Pair::plain();
    let mut listener = TcpListener::bind(&pair.server, 80, 8).unwrap();
    pair.room.set(room);
    let clients = pair.run(all(connects(&pair, 4)));
    for _ in 0..4 {
        pair.run(listener.accept()).0.close();
    }
    pair.settle();
    clients.into_iter().for_each(|client| client.unwrap().close());
    pair.pass(5_000_000);
    assert_eq!(pair.server.counters().connections + pair.client.counters().connections, 0);
    assert_eq!(pair.dropped.get(), 0);
    pair.client.counters().packets_sent
}

#[test]
fn nothing_is_lost_on_a_full_link() {
    assert_eq!(four_at_once(1), four_at_once(usize::MAX));
}

#[test]
fn more_than_the_bounds_are_served_in_turn() {
    let pair = Pair::plain();
    let mut listener = TcpListener::bind(&pair.server, 80, 4).unwrap();
    let serve = async {
        for _ in 0..12 {
            let (stream, _) = listener.accept().await;
            stream.close();
        }
    };
    let clients = async {
        for client in all(connects(&pair, 12)).await {
            client.unwrap().close();
        }
    };
    pair.run(embassy_futures::join::join(serve, clients));
    let counters = pair.server.counters();
    assert_eq!(counters.accepted, 12);
    assert!(counters.dropped_requests > 0);
    pair.pass(1_000_000);
    assert_eq!(pair.server.counters().connections, 0);
}

#[test]
fn a_flood_of_requests_does_not_shut_out_others() {
    let pair = Pair::plain();
    let mut listener = TcpListener::bind(&pair.server, 80, 8).unwrap();
    pair.run(async {
        TcpStream::connect(&pair.client, server()).await.unwrap();
        listener.accept().await;
    });
    // Requests whose sender never answers: a request of the client with other source ports.
    let mut connecting = core::pin::pin!(TcpStream::connect(&pair.client, server()));
    let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    assert!(connecting.as_mut().poll(&mut context).is_pending());
    pair.client.poll(pair.now_us.get());
    let request = pair.to_server.borrow_mut().pop_back().unwrap();
    for port in 1000..1100_u16 {
        let mut forged = request.clone();
        forged.bytes_mut()[34..36].copy_from_slice(&port.to_be_bytes());
        // The client resets what it does not know; let those resets get lost.
        forged.checksum = crate::packet::Checksum::Valid;
        pair.to_server.borrow_mut().push_back(forged);
        pair.server.poll(pair.now_us.get());
        pair.to_client.borrow_mut().clear();
    }
    assert!(pair.server.counters().connections <= limits().half_open as u64 + 1);
    let served = embassy_futures::join::join(connecting, listener.accept());
    assert!(pair.run(served).0.is_ok());
    assert!(pair.server.counters().evicted_handshakes > 0);
}

#[test]
fn ten_thousand_connections_leave_nothing_behind() {
    let small = Limits { time_wait: 16, ..limits() };
    let pair = Pair::new(small, Capabilities::default());
    let mut listener = TcpListener::bind(&pair.server, 80, 4).unwrap();
    for _ in 0..10_000 {
        let both = embassy_futures::join::join(
            TcpStream::connect(&pair.client, server()),
            listener.accept(),
        );
        let (client, (stream, _)) = pair.run(both);
        stream.close();
        client.unwrap().close();
    }
    pair.pass(30_000_000);
    assert_eq!(pair.server.counters().connections, 0);
    assert_eq!(pair.client.counters().connections, 0);
}

#[test]
fn dropping_the_listener_resets_who_waits() {
    let pair = Pair::plain();
    let listener = TcpListener::bind(&pair.server, 80, 4).unwrap();
    let client = pair.run(TcpStream::connect(&pair.client, server())).unwrap();
    drop(listener);
    pair.pass(1000);
    assert_eq!(client.peer(), None);
    assert_eq!(pair.server.counters().connections, 0);
}
