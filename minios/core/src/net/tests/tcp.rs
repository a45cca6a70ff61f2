// SPDX-License-Identifier: MIT OR Apache-2.0
use super::pair::{Pair, limits};
use crate::link::Capabilities;
use crate::net::{Error, TcpListener, TcpStream};
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;
use embedded_io_async::{Read, Write};

const SERVER: SocketAddr =
    SocketAddr::new(core::net::IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 1)), 80);

async fn connect(pair: &Pair, listener: &mut TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(&pair.client, SERVER).await.unwrap();
    let (server, peer) = listener.accept().await;
    assert_eq!(Some(peer), client.local());
    (server, client)
}

async fn read_all(stream: &mut TcpStream) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    loop {
        let taken = stream
            .read_with(|bytes| {
                all.extend_from_slice(bytes);
                (bytes.len(), bytes.len())
            })
            .await?;
        if taken == 0 {
            return Ok(all);
        }
    }
}

/// Sends 300,000 bytes and closes.
fn transfers(pair: &Pair) {
    let mut listener = TcpListener::bind(&pair.server, 80, 4).unwrap();
    let data: Vec<u8> = (0..300_000_u32).map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[1]).collect();
    let (mut server, mut client) = pair.run(connect(pair, &mut listener));
    let send = async {
        server.write_all(&data).await.unwrap();
        server.close();
    };
    let receive = async { read_all(&mut client).await.unwrap() };
    let (_, received) = pair.run(embassy_futures::join::join(send, receive));
    assert!(received == data);
    drop(client);
    pair.pass(1_000_000);
    assert_eq!(pair.server.counters().connections, 0);
    assert_eq!(pair.client.counters().connections, 0);
    assert_eq!(pair.client.counters().bad_checksums, 0);
}

#[test]
fn bytes_arrive() {
    transfers(&Pair::plain());
}

#[test]
fn bytes_arrive_with_checksum_offload() {
    let offload = Capabilities { transmit_checksum: true, ..Capabilities::default() };
    transfers(&Pair::new(limits(), offload));
}

#[test]
fn bytes_arrive_in_large_packets() {
    let whole = Capabilities {
        transmit_checksum: true,
        segmentation_tcp_v4: Some(65_000),
        segmentation_tcp_v6: None,
    };
    let pair = Pair::new(limits(), whole);
    transfers(&pair);
    let counters = pair.server.counters();
    assert!(counters.packets_sent < 120, "{counters:?}");
}

#[test]
fn bytes_arrive_when_packets_are_lost() {
    let pair = Pair::plain();
    pair.lose.set(17);
    let mut listener = TcpListener::bind(&pair.server, 80, 4).unwrap();
    let (mut server, mut client) = pair.run(connect(&pair, &mut listener));
    let data = vec![0x5a; 200_000];
    let both = embassy_futures::join::join(
        async {
            server.write_all(&data).await.unwrap();
            server.close();
        },
        read_all(&mut client),
    );
    assert!(pair.run(both).1.unwrap() == data);
}

#[test]
fn a_dropped_stream_resets() {
    let pair = Pair::plain();
    let mut listener = TcpListener::bind(&pair.server, 80, 4).unwrap();
    let (server, mut client) = pair.run(connect(&pair, &mut listener));
    drop(server);
    let mut buffer = [0; 10];
    assert_eq!(pair.run(client.read(&mut buffer)), Err(Error::ConnectionReset));
    assert_eq!(pair.run(client.write(b"x")), Err(Error::ConnectionReset));
    drop(client);
    pair.pass(1000);
    assert_eq!(pair.server.counters().connections, 0);
    assert_eq!(pair.client.counters().connections, 0);
}

#[test]
fn a_closed_port_refuses() {
    let pair = Pair::plain();
    let result = pair.run(TcpStream::connect(&pair.client, SERVER));
    assert_eq!(result.err(), Some(Error::ConnectionReset));
}

#[test]
fn nobody_there_times_out() {
    let pair = Pair::plain();
    let nobody = SocketAddr::from(([10, 0, 0, 9], 80));
    let result = pair.run(TcpStream::connect(&pair.client, nobody));
    assert_eq!(result.err(), Some(Error::ConnectionReset));
}

#[test]
fn ipv6_link_local() {
    let pair = Pair::plain();
    let address = "fe80::ff:fe00:1".parse().unwrap();
    assert!(pair.server.addresses().own.contains(&(address, 64)));
    let mut listener = TcpListener::bind(&pair.server, 80, 4).unwrap();
    let both = embassy_futures::join::join(
        TcpStream::connect(&pair.client, SocketAddr::new(address, 80)),
        listener.accept(),
    );
    let (client, (mut server, _)) = pair.run(both);
    let mut client = client.unwrap();
    pair.run(async {
        client.write_all(b"over IPv6").await.unwrap();
        client.close();
        assert_eq!(read_all(&mut server).await.unwrap(), b"over IPv6");
    });
}

#[test]
fn half_close_lets_the_answer_through() {
    let pair = Pair::plain();
    let mut listener = TcpListener::bind(&pair.server, 80, 4).unwrap();
    let (mut server, mut client) = pair.run(connect(&pair, &mut listener));
    pair.run(async {
        client.write_all(b"question").await.unwrap();
        client.shutdown();
        assert_eq!(read_all(&mut server).await.unwrap(), b"question");
        server.write_all(b"answer").await.unwrap();
        server.close();
        assert_eq!(read_all(&mut client).await.unwrap(), b"answer");
        assert_eq!(client.write(b"more").await, Err(Error::BrokenPipe));
    });
}

#[test]
fn a_repeated_fin_is_acknowledged() {
    let pair = Pair::plain();
    let mut listener = TcpListener::bind(&pair.server, 80, 4).unwrap();
    let (server, mut client) = pair.run(connect(&pair, &mut listener));
    server.close();
    pair.run(read_all(&mut client)).unwrap();
    client.shutdown();
    pair.client.poll(pair.now_us.get());
    let fin = pair.to_server.borrow().back().cloned().unwrap();
    pair.settle();
    assert_eq!(pair.server.counters().connections, 0, "only the tuple lingers");
    pair.to_server.borrow_mut().push_back(fin);
    pair.server.poll(pair.now_us.get());
    let answer = pair.to_client.borrow_mut().pop_back().unwrap();
    assert!(answer.verify());
    assert_eq!(answer.bytes()[47], 0x10, "an ACK");
}
