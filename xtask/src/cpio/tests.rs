// SPDX-License-Identifier: MIT OR Apache-2.0
use super::Archive;

#[test]
fn members_are_aligned_and_in_order() {
    let mut archive = Archive::default();
    archive.add("/boot/httpd", b"ELF".to_vec());
    archive.add("a", b"12345".to_vec());
    let bytes = archive.bytes();
    assert_eq!(bytes.len() % 4, 0);
    let names: Vec<usize> = ["boot\0", "a\0\u{31}2345", "boot/httpd\0", "TRAILER!!!\0"]
        .iter()
        .map(|name| position(&bytes, name.as_bytes()))
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(position(&bytes, b"12345") % 4, 0);
}

#[test]
fn the_header_of_a_file() {
    let mut archive = Archive::default();
    archive.add("f", b"xy".to_vec());
    let bytes = archive.bytes();
    let header = String::from_utf8(bytes[..110].to_vec()).unwrap();
    assert_eq!(
        header,
        "070701".to_owned()
            + "00000001000081A4000000000000000000000001"
            + "00000000000000020000000000000000"
            + "0000000000000000"
            + "0000000200000000"
    );
    assert_eq!(&bytes[110..112], b"f\0");
    assert_eq!(&bytes[112..116], b"xy\0\0");
}

fn position(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).expect("must be there")
}
