// SPDX-License-Identifier: MIT OR Apache-2.0
use super::pair::Pair;

#[test]
fn an_address_is_announced_once() {
    let pair = Pair::plain();
    pair.server.poll(0);
    let announced = pair.to_client.borrow_mut().pop_front().expect("an announcement");
    let expected = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06, // Ethernet
        0, 1, 0x08, 0x00, 6, 4, 0, 1, // a request
        2, 0, 0, 0, 0, 1, 10, 0, 0, 1, // by its owner
        0, 0, 0, 0, 0, 0, 10, 0, 0, 1, // for its own address
    ];
    assert_eq!(announced.bytes(), expected);
    pair.server.poll(1_000_000);
    assert!(pair.to_client.borrow().is_empty());
}
