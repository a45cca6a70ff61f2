// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attributes of segment registers: bits 40 to 47 and 52 to 55 of a descriptor side by side, as the
//! toolstack and AMD have them, and the access rights of VT-x (Intel SDM volume 3, table 25-2).

const TYPE_TO_PRESENT: u16 = 0xff;
const PRESENT: u16 = 1 << 7;
const UNUSABLE: u32 = 1 << 16;
const HIGH: u32 = 0xf000;

/// Access rights of `attributes`; a segment that is not present cannot be used.
#[must_use]
pub fn to_access_rights(attributes: u16) -> u32 {
    if attributes & PRESENT == 0 {
        return UNUSABLE;
    }
    let high = u32::from(attributes) << 4 & HIGH;
    u32::from(attributes & TYPE_TO_PRESENT) | high
}

/// Attributes of `rights`; 0 of a segment that cannot be used.
#[must_use]
pub const fn to_attributes(rights: u32) -> u16 {
    if rights & UNUSABLE != 0 {
        return 0;
    }
    let [low, high, ..] = rights.to_le_bytes();
    u16::from_le_bytes([low, high >> 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        // 64-bit code, 32-bit data, a busy TSS.
        for (attributes, rights) in [(0xa9b, 0xa09b), (0xc93, 0xc093), (0x08b, 0x8b)] {
            assert_eq!(to_access_rights(attributes), rights);
            assert_eq!(to_attributes(rights), attributes);
        }
    }

    #[test]
    fn what_is_not_present_cannot_be_used() {
        assert_eq!(to_access_rights(0), UNUSABLE);
        assert_eq!(to_access_rights(0xc13), UNUSABLE);
        assert_eq!(to_attributes(UNUSABLE | 0xc093), 0);
    }
}
