// SPDX-License-Identifier: MIT OR Apache-2.0
use super::fill;
use alloc::vec;

#[test]
fn any_piece_is_the_pattern() {
    for (offset, length) in [(0, 0), (0, 100_000), (250, 3), (251, 9000), (1 << 40, 300)] {
        let mut piece = vec![0; length];
        fill(offset, &mut piece);
        for (i, byte) in (offset..).zip(piece) {
            assert_eq!(u64::from(byte), i % 251, "byte {i}");
        }
    }
}
