// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of netback's ring logic, with honest and lying frontends.

use std::vec::Vec;

use minios_core::packet::{Gso, GsoKind, MAX_PACKET, Packet};
use proptest::prelude::*;
use xen_abi::grant_table::GrantRef;
use xen_abi::net::{
    EXTRA_FLAG_MORE, GSO_TCPV4, RX_CSUM_BLANK, RX_DATA_VALIDATED, RX_EXTRA_INFO, RX_MORE_DATA,
    RxRequest, TX_CSUM_BLANK, TX_EXTRA_INFO, TX_MORE_DATA, TX_SLOT_SIZE, TxRequest,
};
use zerocopy::IntoBytes;

use super::{Fragment, FrontendFeatures, Reject, TxChain, TxParser, fill, slots_needed};
use crate::network::test_packets::{frame, mac, tcp_v4};

fn request(id: u16, offset: u16, size: u16, flags: u16) -> [u8; TX_SLOT_SIZE] {
    let request = TxRequest { gref: GrantRef::new(100 + u32::from(id)), offset, flags, id, size };
    request.as_bytes().try_into().unwrap()
}

fn extra(kind: u8, flags: u8, size: u16, gso_kind: u8) -> [u8; TX_SLOT_SIZE] {
    let [low, high] = size.to_le_bytes();
    [kind, flags, low, high, gso_kind, 0, 0, 0, 9, 9, 9, 9]
}

fn parse(slots: &[[u8; TX_SLOT_SIZE]]) -> Option<TxChain> {
    let count = u32::try_from(slots.len()).unwrap();
    TxParser::default().next(count, |i| slots[i as usize])
}

fn rejected(slots: &[[u8; TX_SLOT_SIZE]]) -> Reject {
    let chain = parse(slots).unwrap();
    assert_eq!(chain.slots() as usize, slots.len());
    assert!(
        chain.responses(false).all(|response| i16::from_le_bytes([response[2], response[3]]) != 0)
    );
    chain.packet.unwrap_err()
}

#[test]
fn one_slot() {
    let chain = parse(&[request(5, 96, 60, TX_CSUM_BLANK), request(6, 0, 60, 0)]).unwrap();
    let packet = chain.packet.clone().unwrap();
    assert_eq!((packet.len, packet.checksum_blank, packet.gso), (60, true, None));
    assert_eq!(packet.fragments, [Fragment { gref: GrantRef::new(105), offset: 96, len: 60 }]);
    assert_eq!(chain.responses(true).collect::<Vec<_>>(), [[5, 0, 0, 0]]);
    assert_eq!(chain.responses(false).collect::<Vec<_>>(), [[5, 0, 0xff, 0xff]]);
}

#[test]
fn chain_with_segmentation() {
    let slots = [
        request(1, 0, 9000, TX_CSUM_BLANK | TX_EXTRA_INFO | TX_MORE_DATA),
        extra(1, 0, 1448, GSO_TCPV4),
        request(2, 0, 4096, TX_MORE_DATA),
        request(3, 10, 4000, 0),
    ];
    let chain = parse(&slots).unwrap();
    let packet = chain.packet.clone().unwrap();
    assert_eq!(packet.gso, Some(Gso { segment_size: 1448, kind: GsoKind::TcpV4 }));
    let lengths: Vec<u16> = packet.fragments.iter().map(|fragment| fragment.len).collect();
    assert_eq!(lengths, [904, 4096, 4000]);
    let responses: Vec<_> = chain.responses(true).collect();
    assert_eq!(responses, [[1, 0, 0, 0], [0, 0, 1, 0], [2, 0, 0, 0], [3, 0, 0, 0]]);
    for cut in 1..4 {
        assert_eq!(parse(&slots[..cut]), None, "the end is not there");
    }
}

#[test]
fn lies_in_slots() {
    assert_eq!(rejected(&[request(1, 4000, 97, 0)]), Reject::CrossesPage);
    assert_eq!(rejected(&[request(1, u16::MAX, u16::MAX, 0)]), Reject::CrossesPage);
    assert_eq!(rejected(&[request(1, 0, 13, 0)]), Reject::Size);
    assert_eq!(rejected(&[request(1, 0, 0, 0)]), Reject::Size);
    let parts = [request(1, 0, 100, TX_MORE_DATA), request(2, 0, 101, 0)];
    assert_eq!(rejected(&parts), Reject::Size);
    let parts = [request(1, 0, 5000, TX_MORE_DATA), request(2, 0, 60, 0)];
    assert_eq!(rejected(&parts), Reject::CrossesPage);
    for bad in [extra(1, 0, 0, 1), extra(1, 0, 1448, 3), extra(2, 0, 0, 0), extra(77, 0, 0, 0)] {
        assert_eq!(rejected(&[request(1, 0, 60, TX_EXTRA_INFO), bad]), Reject::Extra);
    }
}

#[test]
fn endless_chains() {
    let slots: Vec<_> = (0..100).map(|id| request(id, 0, 100, TX_MORE_DATA)).collect();
    let mut parser = TxParser::default();
    let mut done = 0;
    while done < 100 {
        let chain = parser.next(100 - done, |i| slots[(done + i) as usize]).unwrap();
        assert_eq!(chain.packet, Err(Reject::TooManySlots));
        done += chain.slots();
    }
    assert_eq!(parser.next(0, |_| [0; 12]), None);
    let end = parser.next(2, |_| request(1, 0, 60, 0)).unwrap();
    assert_eq!((end.slots(), end.packet), (1, Err(Reject::TooManySlots)));
    assert!(parser.next(1, |_| request(1, 0, 60, 0)).unwrap().packet.is_ok());

    let mut extras = [extra(4, EXTRA_FLAG_MORE, 0, 0); 10];
    extras[0] = request(1, 0, 60, TX_EXTRA_INFO);
    let chain = parse(&extras).unwrap();
    assert_eq!((chain.slots(), chain.packet), (6, Err(Reject::Extra)));
}

#[test]
fn receive_slots() {
    let request = |i: u32| {
        let request = RxRequest { id: u16::try_from(i).unwrap(), _pad: 0, gref: GrantRef::new(i) };
        request.as_bytes().try_into().unwrap()
    };
    let small = frame(mac(1), mac(2), 46);
    assert_eq!(slots_needed(&small), 1);
    let filled = fill(&small, request).unwrap();
    assert_eq!(filled.responses, [[0, 0, 0, 0, 0, 0, 60, 0]]);
    assert_eq!(filled.failed().collect::<Vec<_>>(), [[0, 0, 0, 0, 0, 0, 0xff, 0xff]]);

    let large = tcp_v4(9000, 1448);
    assert_eq!(slots_needed(&large), 4);
    let filled = fill(&large, request).unwrap();
    let parts: Vec<_> = filled.copies.iter().map(|c| (c.gref.get(), c.start, c.len)).collect();
    assert_eq!(parts, [(0, 0, 4096), (2, 4096, 4096), (3, 8192, 862)]);
    let flags: Vec<u16> =
        filled.responses.iter().map(|r| u16::from_le_bytes([r[4], r[5]])).collect();
    let first = RX_CSUM_BLANK | RX_DATA_VALIDATED | RX_MORE_DATA | RX_EXTRA_INFO;
    assert_eq!(flags, [first, 1, RX_MORE_DATA, 0]);
    assert_eq!(filled.responses[1], [1, 0, 0xa8, 5, 1, 0, 0, 0]);

    let mut largest = Packet::new(alloc::vec![0; MAX_PACKET]);
    largest.gso = large.gso;
    assert_eq!(slots_needed(&largest), 18);
    assert_eq!(fill(&largest, request).unwrap().responses.len(), 18);
}

#[test]
fn features() {
    let none = FrontendFeatures::read(|_| false);
    assert_eq!((none.rx_copy, none.checksum), (false, true));
    assert_eq!(none.capabilities().segmentation_tcp_v4, None);
    let all = FrontendFeatures::read(|key| key != "feature-no-csum-offload");
    assert_eq!(all.capabilities().segmentation_tcp_v4, Some(MAX_PACKET));
    let plain = FrontendFeatures::read(|key| key != "feature-sg");
    assert_eq!(plain.capabilities(), minios_core::link::Capabilities::default());
}

proptest! {
    #[test]
    fn any_slots_are_survived(slots: Vec<[u8; TX_SLOT_SIZE]>) {
        let mut parser = TxParser::default();
        let mut rest = &slots[..];
        while let Some(chain) = parser.next(u32::try_from(rest.len()).unwrap(), |i| rest[i as usize]) {
            let count = chain.slots() as usize;
            prop_assert!(count > 0 && count <= rest.len());
            prop_assert_eq!(chain.responses(false).count(), count);
            if let Ok(packet) = chain.packet {
                let sum: usize = packet.fragments.iter().map(|f| usize::from(f.len)).sum();
                prop_assert_eq!(sum, packet.len);
                prop_assert!(packet.fragments.iter().all(|f| u32::from(f.offset) + u32::from(f.len) <= 4096));
            }
            rest = &rest[count..];
        }
    }
}
