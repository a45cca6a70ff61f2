// SPDX-License-Identifier: MIT OR Apache-2.0
use alloc::vec::Vec;

use proptest::prelude::{any, prop, proptest};

use crate::{Function, Table, encode};

fn table() -> Vec<u8> {
    encode(&[
        Function { start: 0x10_0100, size: 0x80, name: "hv::panic" },
        Function { start: 0x10_0000, size: 0x90, name: "hv::boot::start" },
        Function { start: 0x10_0000, size: 0x90, name: "an alias" },
        Function { start: 0x10_1000, size: 0, name: "entry" },
    ])
}

#[test]
fn finds_the_function_around_an_address() {
    let bytes = table();
    let table = Table::parse(&bytes).expect("just written");
    assert_eq!(table.lookup(0x10_0000), Some(("hv::boot::start", 0)));
    assert_eq!(table.lookup(0x10_0105), Some(("hv::panic", 5)));
    assert_eq!(table.lookup(0x10_1234), Some(("entry", 0x234)));
}

#[test]
fn no_name_outside_of_functions() {
    let bytes = table();
    let table = Table::parse(&bytes).expect("just written");
    assert_eq!(table.lookup(0xf_ffff), None);
    assert_eq!(table.lookup(0x10_0200), None, "behind hv::panic there is a wide gap");
    assert_eq!(table.lookup(u64::MAX), None);
}

#[test]
fn bytes_behind_the_table_do_not_matter() {
    let mut bytes = table();
    bytes.extend([0xff; 100]);
    assert!(Table::parse(&bytes).and_then(|table| table.lookup(0x10_0000)).is_some());
}

#[test]
fn an_empty_or_cut_table_is_none() {
    let bytes = table();
    assert!(Table::parse(&[]).is_none());
    assert!(Table::parse(&[0; 64]).is_none());
    assert!(Table::parse(&bytes[..bytes.len() - 1]).is_none());
    assert!(Table::parse(&encode(&[])).is_some_and(|table| table.lookup(0).is_none()));
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<u64>()) {
        let _ = Table::parse(&bytes).map(|table| table.lookup(at).is_some());
    }

    #[test]
    fn a_damaged_table_never_panics(byte in 0_usize..100, value in any::<u8>(), at in 0x10_0000_u64..0x10_2000) {
        let mut bytes = table();
        if let Some(hit) = bytes.get_mut(byte) {
            *hit = value;
        }
        let _ = Table::parse(&bytes).map(|table| table.lookup(at).is_some());
    }
}
