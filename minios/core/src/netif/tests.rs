// SPDX-License-Identifier: MIT OR Apache-2.0
use super::transmit::UnknownId;
use super::{Assembler, BadSlot, PAGE, TxPages, TxSlot};
use crate::packet::{Checksum, Gso, GsoKind, MAX_PACKET, Packet};
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;
use xen_abi::net::{
    ExtraInfo, RX_CSUM_BLANK, RX_DATA_VALIDATED, RX_EXTRA_INFO, RX_MORE_DATA, RxResponse,
    STATUS_ERROR, STATUS_NULL, STATUS_OKAY, TX_CSUM_BLANK, TX_DATA_VALIDATED, TX_EXTRA_INFO,
    TX_MORE_DATA, TxResponse,
};
use zerocopy::{FromBytes, IntoBytes};

fn response(id: u16, offset: u16, flags: u16, status: i16) -> RxResponse {
    RxResponse { id, offset, flags, status }
}

fn extra(kind: u8, flags: u8, data: [u8; 6]) -> RxResponse {
    RxResponse::read_from_bytes(ExtraInfo { kind, flags, data }.as_bytes()).unwrap()
}

/// Gives one slot whose buffer is filled with `fill`.
fn give(assembler: &mut Assembler, it: RxResponse, fill: u8) -> Option<Result<Packet, BadSlot>> {
    assembler.slot(it, 7, |_| Vec::new(), |_, to| to.fill(fill))
}

#[test]
fn one_slot() {
    let mut assembler = Assembler::default();
    let packet = give(&mut assembler, response(7, 2, RX_DATA_VALIDATED, 60), 9).unwrap().unwrap();
    assert_eq!((packet.bytes(), packet.checksum), (&[9; 60][..], Checksum::Valid));
}

#[test]
fn a_used_buffer_shows_nothing_of_the_packet_before() {
    for before in [0, 59, 60, 2048] {
        let mut assembler = Assembler::default();
        let used = |_| vec![0xee; before];
        let first = response(7, 0, RX_MORE_DATA, 40);
        assert_eq!(assembler.slot(first, 7, used, |_, to| to.fill(1)), None);
        let packet = assembler.slot(response(7, 0, 0, 20), 7, used, |_, to| to.fill(2));
        let packet = packet.unwrap().unwrap();
        assert_eq!(packet.bytes(), [[1; 40].as_slice(), &[2; 20]].concat(), "{before}");
    }
}

#[test]
fn a_chain_with_segments() {
    let mut assembler = Assembler::default();
    let flags = RX_EXTRA_INFO | RX_MORE_DATA | RX_DATA_VALIDATED;
    assert_eq!(give(&mut assembler, response(7, 0, flags, 4096), 1), None);
    assert_eq!(give(&mut assembler, extra(1, 0, [0xb4, 5, 1, 0, 0, 0]), 0), None);
    assert_eq!(give(&mut assembler, response(7, 0, RX_MORE_DATA, 4096), 2), None);
    let packet = give(&mut assembler, response(7, 96, 0, 4000), 3).unwrap().unwrap();
    assert_eq!(packet.gso, Some(Gso { segment_size: 1460, kind: GsoKind::TcpV4 }));
    assert_eq!(packet.len(), 4096 * 2 + 4000);
    assert_eq!([packet.bytes()[0], packet.bytes()[4096], packet.bytes()[8192]], [1, 2, 3]);
}

#[test]
fn lies_end_with_the_packet() {
    let long = RX_MORE_DATA;
    for (bad, slots) in [
        (BadSlot::Status(-1), vec![response(7, 0, 0, STATUS_ERROR)]),
        (BadSlot::Range, vec![response(7, 4000, 0, 100)]),
        (BadSlot::Range, vec![response(7, u16::MAX, 0, i16::MAX)]),
        (BadSlot::Id, vec![response(8, 0, 0, 100)]),
        (BadSlot::Length, vec![response(7, 0, 0, 13)]),
        (BadSlot::Checksum, vec![response(7, 0, RX_CSUM_BLANK, 60)]),
        (BadSlot::Extra, vec![response(7, 0, RX_EXTRA_INFO, 60), extra(9, 0, [0; 6])]),
        (BadSlot::Extra, vec![response(7, 0, RX_EXTRA_INFO, 60), extra(1, 0, [0, 0, 1, 0, 0, 0])]),
        (BadSlot::Extra, vec![response(7, 0, RX_EXTRA_INFO, 60), extra(1, 0, [1, 0, 3, 0, 0, 0])]),
        (BadSlot::Status(-2), vec![response(7, 0, long, 60), response(7, 0, 0, -2)]),
    ] {
        let mut assembler = Assembler::default();
        let results: Vec<_> = slots.iter().map(|&it| give(&mut assembler, it, 0)).collect();
        assert_eq!(results.last(), Some(&Some(Err(bad))));
        assert!(give(&mut assembler, response(7, 0, 0, 60), 1).unwrap().is_ok(), "{bad:?}");
    }
}

#[test]
fn an_endless_chain_takes_no_more_than_a_packet() {
    let mut assembler = Assembler::default();
    for _ in 0..1000 {
        assert_eq!(give(&mut assembler, response(7, 0, RX_MORE_DATA, 4096), 1), None);
    }
    assert_eq!(give(&mut assembler, response(7, 0, 0, 1), 1), Some(Err(BadSlot::Length)));
}

#[test]
fn slots_of_a_large_packet() {
    let mut pages = TxPages::new(20);
    let mut packet = Packet::new(vec![0; 10_000]);
    packet.checksum = Checksum::Partial { start: 34, offset: 16 };
    packet.gso = Some(Gso { segment_size: 1448, kind: GsoKind::TcpV6 });
    let plan = pages.plan(&packet).unwrap();
    let flags = TX_CSUM_BLANK | TX_DATA_VALIDATED | TX_EXTRA_INFO | TX_MORE_DATA;
    assert_eq!(
        plan.as_slice(),
        [
            TxSlot::Data { page: 0, from: 0, length: 4096, size: 10_000, flags },
            TxSlot::Extra(ExtraInfo { kind: 1, flags: 0, data: [0xa8, 5, 2, 0, 0, 0] }),
            TxSlot::Data { page: 1, from: 4096, length: 4096, size: 4096, flags: TX_MORE_DATA },
            TxSlot::Data { page: 2, from: 8192, length: 1808, size: 1808, flags: 0 },
        ]
    );
    assert_eq!(pages.free(), 17);
}

#[test]
fn pages_come_back_once() {
    let mut pages = TxPages::new(2);
    let packet = Packet::new(vec![0; 5000]);
    assert!(pages.plan(&packet).is_some());
    assert!(pages.plan(&packet).is_none());
    let sent = |id, status| TxResponse { id, status };
    assert_eq!(pages.complete(sent(1, STATUS_OKAY)), Ok(true));
    assert_eq!(pages.complete(sent(1, STATUS_OKAY)), Err(UnknownId));
    assert_eq!(pages.complete(sent(999, STATUS_OKAY)), Err(UnknownId));
    assert_eq!(pages.complete(sent(0, STATUS_ERROR)), Ok(false));
    assert_eq!(pages.complete(sent(999, STATUS_NULL)), Ok(true));
    assert_eq!(pages.free(), 2);
}

#[test]
fn what_cannot_be_named_is_not_planned() {
    let mut pages = TxPages::new(20);
    for length in [0, MAX_PACKET, MAX_PACKET + 1] {
        assert!(pages.plan(&Packet::new(vec![0; length])).is_none());
    }
    assert!(pages.plan(&Packet::new(vec![0; 65_535])).is_some());
}

proptest! {
    #[test]
    fn any_slots_are_survived(slots: Vec<[u8; 8]>) {
        let mut assembler = Assembler::default();
        for slot in slots {
            let it = RxResponse::read_from_bytes(&slot).unwrap();
            let read = |offset: usize, to: &mut [u8]| assert!(offset + to.len() <= PAGE);
            if let Some(Ok(packet)) = assembler.slot(it, it.id, |_| Vec::new(), read) {
                assert!(packet.len() <= MAX_PACKET);
            }
        }
    }

    #[test]
    fn a_plan_covers_the_packet(length in 1_usize..65_536) {
        let mut pages = TxPages::new(20);
        let plan = pages.plan(&Packet::new(vec![0; length])).unwrap();
        let mut next = 0;
        for slot in &plan {
            let TxSlot::Data { from, length, .. } = slot else { panic!("no segments asked for") };
            assert_eq!(*from, next);
            next += length;
        }
        prop_assert_eq!(next, length);
    }
}
