// SPDX-License-Identifier: MIT OR Apache-2.0
use std::string::String;
extern crate std;
use super::{BadPath, decode};

#[test]
fn targets_become_paths() {
    for (target, path) in [
        ("/", ""),
        ("/index.html", "index.html"),
        ("/a//b/./c", "a/b/c"),
        ("/a/b/", "a/b/"),
        ("/a/../b", "b"),
        ("/a%20b?query=1#x", "a b"),
        ("/%C3%A4", "ä"),
        ("http://host/x", "x"),
        ("/a/b/..", "a/"),
        ("/a/b/.", "a/b/"),
        ("http://host", ""),
        ("HTTP://host/x", "x"),
        ("http://host?a=/b", ""),
    ] {
        assert_eq!(decode(target).as_deref(), Ok(path), "{target}");
    }
}

#[test]
fn bad_targets() {
    for target in
        ["", "x", "*", "/..", "/a/../..", "/%2e%2e/x", "/%", "/%2", "/%zz", "/%00", "/%ff"]
    {
        assert_eq!(decode(target), Err(BadPath), "{target}");
    }
}

proptest::proptest! {
    #[test]
    fn a_path_never_climbs(target: String) {
        if let Ok(path) = decode(&target) {
            proptest::prop_assert!(path.split('/').all(|segment| segment != ".."));
            proptest::prop_assert!(!path.starts_with('/'));
        }
    }
}
