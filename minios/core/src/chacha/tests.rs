// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the random generator.
use super::{ChaCha, quarter};

#[test]
fn quarter_round_of_rfc_8439() {
    let mut state = [0; 16];
    (state[0], state[1], state[2], state[3]) = (0x1111_1111, 0x0102_0304, 0x9b8d_6f43, 0x0123_4567);
    quarter(&mut state, 0, 1, 2, 3);
    assert_eq!(state[..4], [0xea2a_92f4, 0xcb1c_f8ce, 0x4581_472e, 0x5881_c4bb]);
}

#[test]
fn every_mixed_value_counts() {
    let take = |values: &[u64]| {
        let mut random = ChaCha::new();
        values.iter().for_each(|&v| random.mix(v));
        random.next_u32()
    };
    assert_eq!(take(&[1, 2]), take(&[1, 2]));
    assert_ne!(take(&[1, 2]), take(&[2, 1]));
    assert_ne!(take(&[1, 2]), take(&[1, 3]));
}

#[test]
fn fills_odd_lengths() {
    let mut random = ChaCha::new();
    random.mix(7);
    let mut bytes = [0; 1003];
    random.fill(&mut bytes);
    let ones: u32 = bytes.iter().map(|b| b.count_ones()).sum();
    assert!((3700..4300).contains(&ones), "{ones} of 8024 bits set");
}
