// SPDX-License-Identifier: MIT OR Apache-2.0
//! What tells one version of a file from another.

use alloc::format;
use alloc::string::String;
use twox_hash::XxHash64;

/// A strong validator, from a file's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ETag(u64);

impl ETag {
    /// The validator of `bytes`. Equal files have equal ones; that others differ is as likely as
    /// with any hash of 64 bits that nobody attacks.
    pub fn of(bytes: &[u8]) -> Self {
        Self(XxHash64::oneshot(0, bytes))
    }

    /// The text of the `ETag` field.
    pub fn text(self) -> String {
        format!("\"{:016x}\"", self.0)
    }

    /// Whether it is in an `If-None-Match` field: a list of validators, or `*`.
    pub fn is_in(self, field: &[u8]) -> bool {
        if field == b"*" {
            return true;
        }
        let own = self.text();
        let mut listed = field.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        listed.any(|it| it.strip_prefix(b"W/").unwrap_or(it) == own.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::ETag;
    use alloc::format;

    #[test]
    fn contents_make_the_difference() {
        let all = [&b""[..], b"a", b"b", b"ab", b"12345678", b"12345679", b"1234567800", b"\0"];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate() {
                assert_eq!(ETag::of(a) == ETag::of(b), i == j, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn lists() {
        let tag = ETag::of(b"x");
        let text = tag.text();
        for field in ["*", &text, &format!("\"a\", W/{text}"), &format!("{text},\"b\"")] {
            assert!(tag.is_in(field.as_bytes()), "{field}");
        }
        for field in ["", "\"a\"", "\"a,*,b\"", text.trim_matches('"')] {
            assert!(!tag.is_in(field.as_bytes()), "{field}");
        }
    }
}
