// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

fn checked(raw: u64) -> Option<u64> {
    Descriptor::new(raw).checked().map(Descriptor::get)
}

#[test]
fn code_and_data_become_ring_3() {
    assert_eq!(checked(0x00af_9b00_0000_ffff), Some(0x00af_fb00_0000_ffff));
    assert_eq!(checked(0x00cf_9200_0000_ffff), Some(0x00cf_f200_0000_ffff));
}

#[test]
fn absent_descriptors_are_anything() {
    assert_eq!(checked(0), Some(0));
    assert_eq!(checked(0x0000_0900_0000_0000), Some(0x0000_0900_0000_0000));
}

#[test]
fn system_descriptors_are_refused() {
    for kind in [1u64, 2, 3, 4, 5, 9, 11, 14, 15] {
        assert_eq!(checked(PRESENT | kind << TYPE_SHIFT), None, "type {kind}");
    }
    assert_eq!(checked(PRESENT), Some(PRESENT));
    let gate = PRESENT | 12 << TYPE_SHIFT;
    assert_eq!(checked(gate | RING_3), Some(gate | 3 << 16));
}
