// SPDX-License-Identifier: MIT OR Apache-2.0
//! Archives good and cut.
use std::format;
use std::vec::Vec;

use proptest::prelude::*;

use super::{File, files};

fn member(name: &str, mode: u32, bytes: &[u8]) -> Vec<u8> {
    let mut numbers = [0; 13];
    numbers[super::MODE] = mode;
    numbers[super::FILE_SIZE] = u32::try_from(bytes.len()).unwrap();
    numbers[super::NAME_SIZE] = u32::try_from(name.len()).unwrap() + 1;
    let mut out = b"070701".to_vec();
    for number in numbers {
        out.extend(format!("{number:08X}").into_bytes());
    }
    out.extend(name.bytes());
    out.push(0);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(bytes);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

fn archive() -> Vec<u8> {
    let members = [
        member(".", 0o40755, b""),
        member("./etc/a", 0o100_644, b"hello"),
        member("link", 0o120_777, b"etc/a"),
        member("/b", 0o100_644, b""),
        member("TRAILER!!!", 0, b""),
        member("behind", 0o100_644, b"x"),
    ];
    members.concat()
}

#[test]
fn regular_files_are_listed() {
    let archive = archive();
    let listed: Vec<File<'_>> = files(&archive).collect();
    let expected = [File { name: "etc/a", bytes: b"hello" }, File { name: "b", bytes: b"" }];
    assert_eq!(listed, expected);
}

proptest! {
    /// A cut or changed archive: fewer files, no panic.
    #[test]
    fn damage_is_survived(cut in 0_usize..900, at in 0_usize..900, byte in any::<u8>()) {
        let mut archive = archive();
        archive.truncate(cut);
        if let Some(place) = archive.get_mut(at) {
            *place = byte;
        }
        prop_assert!(files(&archive).count() <= 5);
    }
}
