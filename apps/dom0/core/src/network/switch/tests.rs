// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the switch.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::vec::Vec;

use minios_core::link::Capabilities;
use minios_core::mac_address::MacAddress;
use minios_core::packet::{Checksum, Packet};

use super::{AddressTaken, Counters, PortId, PortKind, QueueLimits, Switch};
use crate::network::test_packets::{acknowledgement, frame, mac, tcp_v4};

/// A switch with an uplink and stations with addresses 1, 2, 3.
fn switch() -> (Switch, PortId, [PortId; 3]) {
    let mut switch = Switch::new();
    let mut add =
        |kind| switch.add_port(kind, Capabilities::default(), QueueLimits::default()).unwrap();
    let uplink = add(PortKind::Uplink);
    let stations = [1, 2, 3].map(|last| add(PortKind::Station(mac(last))));
    (switch, uplink, stations)
}

/// Takes one packet from every port that has some.
fn taken(switch: &mut Switch) -> Vec<PortId> {
    let ports: Vec<PortId> = switch.ports().map(|(id, ..)| id).collect();
    ports.into_iter().filter(|id| switch.take(*id).is_some()).collect()
}

fn counters(switch: &Switch, port: PortId) -> Counters {
    switch.counters(port).unwrap()
}

#[test]
fn to_a_station() {
    let (mut switch, _, [one, two, _]) = switch();
    switch.forward(one, frame(mac(2), mac(1), 50), 0);
    assert_eq!(taken(&mut switch), [two]);
    assert_eq!(taken(&mut switch), []);
}

#[test]
fn to_all_but_the_sender() {
    let (mut switch, uplink, [one, two, three]) = switch();
    switch.forward(one, frame(MacAddress::BROADCAST, mac(1), 50), 0);
    assert_eq!(taken(&mut switch), [uplink, two, three]);
    switch.forward(uplink, frame(MacAddress([1, 0, 0x5e, 0, 0, 1]), mac(9), 50), 0);
    assert_eq!(taken(&mut switch), [one, two, three]);
}

#[test]
fn unknown_addresses_are_behind_an_uplink() {
    let (mut switch, uplink, [one, ..]) = switch();
    switch.forward(one, frame(mac(9), mac(1), 50), 0);
    assert_eq!(taken(&mut switch), [uplink]);
    switch.forward(uplink, frame(mac(8), mac(9), 50), 0);
    assert_eq!(taken(&mut switch), [], "not back, and no station has it");
    switch.forward(one, frame(mac(1), mac(1), 50), 0);
    assert_eq!(taken(&mut switch), [], "not to itself");
}

#[test]
fn learns_and_forgets() {
    let (mut switch, first, [one, ..]) = switch();
    let second =
        switch.add_port(PortKind::Uplink, Capabilities::default(), QueueLimits::default()).unwrap();
    switch.forward(second, frame(mac(1), mac(9), 50), 1000);
    assert_eq!(taken(&mut switch), [one]);
    switch.forward(one, frame(mac(9), mac(1), 50), 2000);
    assert_eq!(taken(&mut switch), [second]);
    switch.forward(one, frame(mac(9), mac(1), 50), 301_000_000);
    assert_eq!(taken(&mut switch), [first, second], "too old");
    switch.forward(second, frame(mac(1), mac(9), 50), 302_000_000);
    switch.remove_port(second);
    switch.take(one);
    switch.forward(one, frame(mac(9), mac(1), 50), 302_000_001);
    assert_eq!(taken(&mut switch), [first]);
}

#[test]
fn the_table_is_bounded() {
    let (mut switch, uplink, [one, ..]) = switch();
    for i in 0..5000_u32 {
        let [a, b, c, d] = i.to_be_bytes();
        switch.forward(uplink, frame(mac(1), MacAddress([4, 0, a, b, c, d]), 50), 0);
        switch.take(one);
    }
    assert_eq!(switch.learned.len(), 1024);
    switch.forward(uplink, frame(mac(1), mac(9), 50), 400_000_000);
    assert_eq!(switch.learned.len(), 1);
}

#[test]
fn nobody_claims_anothers_address() {
    let (mut switch, uplink, [one, ..]) = switch();
    for (from, source) in [(one, mac(2)), (one, mac(9)), (uplink, mac(1))] {
        switch.forward(from, frame(MacAddress::BROADCAST, source, 50), 0);
        assert_eq!(taken(&mut switch), []);
    }
    assert_eq!((counters(&switch, one).spoofed, counters(&switch, uplink).spoofed), (2, 1));
    let mut add = |mac| {
        switch.add_port(PortKind::Station(mac), Capabilities::default(), QueueLimits::default())
    };
    assert_eq!(add(mac(2)), Err(AddressTaken));
    assert_eq!(add(MacAddress::BROADCAST), Err(AddressTaken));
    assert!(add(mac(4)).is_ok());
}

#[test]
fn malformed_packets_are_counted() {
    let (mut switch, _, [one, ..]) = switch();
    switch.forward(one, Packet::new(alloc::vec![0; 13]), 0);
    switch.forward(one, frame(mac(2), MacAddress::BROADCAST, 50), 0);
    switch.forward(one, frame(mac(2), mac(1), 1505), 0);
    assert_eq!(taken(&mut switch), []);
    assert_eq!(counters(&switch, one).malformed, 3);
}

#[test]
fn a_full_queue_drops() {
    let (mut switch, _, [one, two, _]) = switch();
    for _ in 0..600 {
        switch.forward(one, frame(mac(2), mac(1), 50), 0);
    }
    assert_eq!(counters(&switch, two).overflowed, 88);
    assert!(!switch.is_congested(), "a station makes nobody wait");
    for _ in 0..800 {
        switch.forward(one, frame(mac(3), mac(1), 1500), 0);
    }
    let three = switch.stations[&mac(3)];
    assert_eq!(core::iter::from_fn(|| switch.take(three)).count(), 512);
}

#[test]
fn an_uplink_makes_senders_wait() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (mut switch, uplink, [one, ..]) = switch();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    switch.register(uplink, &waker);
    for _ in 0..257 {
        assert!(!switch.is_congested());
        switch.forward(one, frame(mac(9), mac(1), 50), 0);
    }
    assert_eq!(count.0.load(Ordering::Relaxed), 1, "one wake for a batch");
    assert!(switch.is_congested());
    switch.register_room(&waker);
    switch.register_room(&waker);
    assert!(switch.take_if(uplink, |_| false).is_none());
    switch.take(uplink).unwrap();
    assert!(!switch.is_congested());
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
}

#[test]
fn offloads_are_done_for_who_cannot() {
    let (mut switch, _, [one, two, _]) = switch();
    let packet = tcp_v4(5000, 1000);
    switch.forward(one, packet.clone(), 0);
    let cut: Vec<Packet> = core::iter::from_fn(|| switch.take(two)).collect();
    assert_eq!(cut.len(), 5);
    assert!(cut.iter().all(|segment| segment.gso.is_none()));

    let mut small = tcp_v4(100, 1000);
    small.gso = None;
    switch.forward(one, small, 0);
    let taken = switch.take(two).unwrap();
    assert_eq!(taken.checksum, Checksum::Valid);
    assert!(taken.headers().unwrap().verify(taken.bytes()));

    switch.remove_port(two);
    let able = Capabilities {
        transmit_checksum: true,
        segmentation_tcp_v4: Some(65_549),
        segmentation_tcp_v6: None,
    };
    let able = switch.add_port(PortKind::Station(mac(2)), able, QueueLimits::default()).unwrap();
    switch.forward(one, packet.clone(), 0);
    assert_eq!(switch.take(able), Some(packet));
}

/// The numbers of the acknowledgements that leave a port when `packets` wait there together.
fn acknowledged(packets: impl IntoIterator<Item = Packet>) -> Vec<u32> {
    let (mut switch, _, [one, two, _]) = switch();
    for packet in packets {
        switch.forward(one, packet, 0);
    }
    let out = core::iter::from_fn(|| switch.take(two));
    out.map(|packet| u32::from_be_bytes(packet.bytes()[42..46].try_into().unwrap())).collect()
}

#[test]
fn of_waiting_acknowledgements_every_second_goes() {
    let one_by_one = (0..5).map(|n| acknowledgement((n * 1460_u32).wrapping_sub(2000)));
    assert_eq!(acknowledged(one_by_one), [-540_i32, 2380, 3840].map(|n| n.cast_unsigned()));
}

#[test]
fn acknowledgements_that_say_something_else_stay() {
    let repeated = || acknowledgement(7);
    assert_eq!(acknowledged([repeated(), repeated(), repeated()]), [7, 7, 7]);
    assert_eq!(acknowledged([acknowledgement(7), acknowledgement(8 + 1460)]), [7, 1468]);
    assert_eq!(acknowledged([acknowledgement(9), acknowledgement(8)]), [9, 8]);
    // Class of service, address, port, sequence number, flag, header's length.
    for at in [15, 30, 35, 41, 47, 46] {
        let mut other = acknowledgement(8);
        other.bytes_mut()[at] ^= 1;
        assert_eq!(acknowledged([acknowledgement(7), other]).len(), 2, "byte {at}");
    }
    let mut data = tcp_v4(1, 1000);
    data.gso = None;
    data.bytes_mut()[42..48].copy_from_slice(&[0, 0, 0, 8, 0x50, 0x10]);
    assert_eq!(acknowledged([acknowledgement(7), data]), [7, 8]);
}

#[test]
fn a_merged_acknowledgement_leaves_the_books_right() {
    let (mut switch, _, [one, two, _]) = switch();
    let padded = Packet::new([acknowledgement(8).bytes(), &[0; 6]].concat());
    let bytes = padded.len() as u64;
    switch.forward(one, acknowledgement(7), 0);
    switch.forward(one, padded, 0);
    assert!(switch.take(two).is_some());
    let Counters { sent, sent_bytes, merged, .. } = counters(&switch, two);
    assert_eq!((sent, sent_bytes, merged), (1, bytes, 1));
    assert!(switch.take(two).is_none());
}
