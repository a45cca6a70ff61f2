// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two halves of a 64-bit word.

/// The lower and the upper half.
#[must_use]
pub const fn halves(word: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = word.to_le_bytes();
    (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
}

/// The lower half.
#[must_use]
pub const fn low_half(word: u64) -> u32 {
    halves(word).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_and_lower() {
        assert_eq!(halves(0x1234_5678_9abc_def0), (0x9abc_def0, 0x1234_5678));
        assert_eq!(low_half(u64::MAX << 31), 1 << 31);
    }
}
