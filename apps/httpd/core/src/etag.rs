// SPDX-License-Identifier: MIT OR Apache-2.0
//! What tells one version of a file from another.

use alloc::format;
use alloc::string::String;

/// A strong validator, from a file's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ETag(u64);

impl ETag {
    /// The validator of `bytes`. Equal files have equal ones; that others differ is as likely as
    /// with any hash of 64 bits that nobody attacks.
    pub fn of(bytes: &[u8]) -> Self {
        // FNV-1a over words, with a shift that brings the high bits down.
        let step = |hash: u64, word: u64| {
            let hash = (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
            hash ^ hash >> 29
        };
        let (words, rest) = bytes.as_chunks::<8>();
        let hash =
            words.iter().map(|word| u64::from_le_bytes(*word)).fold(0xcbf2_9ce4_8422_2325, step);
        let hash = rest.iter().map(|&byte| u64::from(byte)).fold(hash, step);
        Self(step(hash, bytes.len() as u64))
    }

    /// The text of the `ETag` field.
    pub fn text(self) -> String {
        format!("\"{:016x}\"", self.0)
    }

    /// Whether it is in an `If-None-Match` field: a list of validators, or `*`.
    pub fn is_in(self, field: &[u8]) -> bool {
        let own = self.text();
        let mut listed = field.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        listed.any(|it| it == b"*" || it.strip_prefix(b"W/").unwrap_or(it) == own.as_bytes())
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
        for field in ["", "\"a\"", text.trim_matches('"')] {
            assert!(!tag.is_in(field.as_bytes()), "{field}");
        }
    }
}
