// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Part, RangeSpec, parse};

#[test]
fn ranges() {
    for (field, length, part) in [
        ("bytes=0-9", 100, Some((0, 10))),
        ("bytes=90-200", 100, Some((90, 10))),
        ("bytes=99-", 100, Some((99, 1))),
        ("bytes=-1", 100, Some((99, 1))),
        ("bytes=-500", 100, Some((0, 100))),
        ("bytes=0-18446744073709551615", 100, Some((0, 100))),
        ("bytes=0-99999999999999999999", 100, Some((0, 100))),
        ("Bytes=-99999999999999999999", 100, Some((0, 100))),
        ("bytes=99999999999999999999-", 100, None),
        ("bytes=100-", 100, None),
        ("bytes=-0", 100, None),
        ("bytes=0-0", 0, None),
    ] {
        let part = part.map(|(start, length)| Part { start, length });
        assert_eq!(parse(field.as_bytes()).unwrap().within(length), part, "{field}");
    }
    assert_eq!(parse(b"bytes=5-6"), Some(RangeSpec::From(5, Some(6))));
}

#[test]
fn what_is_ignored() {
    for field in ["", "bytes=", "bytes=-", "bytes=2-1", "bytes=0-1,3-4", "items=0-1", "bytes=a-b"] {
        assert_eq!(parse(field.as_bytes()), None, "{field}");
    }
}
