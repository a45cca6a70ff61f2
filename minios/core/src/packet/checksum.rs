// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Internet checksum (RFC 1071).

/// The ones' complement sum of `bytes` as big-endian 16-bit words, not complemented; an odd last
/// byte counts as the high half of a word.
pub fn sum(bytes: &[u8]) -> u16 {
    // Summed in the machine's byte order and swapped once (RFC 1071, 2.B), eight bytes at a time
    // with the carry added at the other end: in ones' complement that is the same.
    let (chunks, rest) = bytes.as_chunks::<8>();
    let mut total = 0;
    for chunk in chunks {
        total = add_words(total, u64::from_ne_bytes(*chunk));
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    u16::from_be(fold(add_words(total, u64::from_ne_bytes(last))))
}

fn add_words(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    sum + u64::from(carry)
}

/// The sum of two sums.
pub fn add(a: u16, b: u16) -> u16 {
    fold(u64::from(a) + u64::from(b))
}

fn fold(mut total: u64) -> u16 {
    loop {
        match u16::try_from(total) {
            Ok(word) => return word,
            Err(_) => total = (total >> 16) + (total & 0xffff),
        }
    }
}
