// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the random generator.
use super::Generator;

fn take(values: &[u64]) -> [u8; 8] {
    let mut random = Generator::new();
    values.iter().for_each(|&value| random.mix(&[value]));
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    bytes
}

#[test]
fn every_mixed_value_counts() {
    assert_eq!(take(&[1, 2]), take(&[1, 2]));
    assert_ne!(take(&[1, 2]), take(&[2, 1]));
    assert_ne!(take(&[1, 2]), take(&[1, 3]));
    assert_ne!(take(&[1]), take(&[1, 0]));
    let mixed = |values: &[u64]| {
        let mut random = Generator::new();
        random.mix(values);
        let mut byte = [0; 8];
        random.fill(&mut byte);
        byte
    };
    assert_ne!(mixed(&[1, 2, 3, 4, 5]), mixed(&[1, 2, 3, 4, 6]));
    assert_ne!(mixed(&[1, 2]), mixed(&[2, 1]));
}

#[test]
fn the_key_changes_with_each_request() {
    let mut once = Generator::new();
    let mut twice = Generator::new();
    let (mut whole, mut halves) = ([0; 16], [0; 16]);
    once.fill(&mut whole);
    twice.fill(&mut halves[..8]);
    twice.fill(&mut halves[8..]);
    assert_eq!(whole[..8], halves[..8]);
    assert_ne!(whole[8..], halves[8..]);
}

#[test]
fn fills_odd_lengths() {
    let mut random = Generator::new();
    random.mix(&[7]);
    let mut bytes = [0; 1003];
    random.fill(&mut bytes);
    let ones: u32 = bytes.iter().map(|b| b.count_ones()).sum();
    assert!((3700..4300).contains(&ones), "{ones} of 8024 bits set");
}
