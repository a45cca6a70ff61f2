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

/// Selector and attributes of a segment register.
pub type Loaded = (u16, u16);

/// Whether segment registers hold what protected mode has loaded, and not what real mode left there:
/// VT-x enters a guest with the latter only if it is unrestricted (27.3.1.2). The first is cs, the
/// second ss.
#[must_use]
pub fn are_of_protected_mode([cs, ss, data @ ..]: [Loaded; 6]) -> bool {
    const CODE: u16 = 1 << 3;
    const CONFORMING_CODE: u16 = 0b1100;
    let is_usable = |(_, attributes): Loaded| attributes & PRESENT != 0;
    let requested = |(selector, _): Loaded| selector & 3;
    let privilege = |(_, attributes): Loaded| attributes >> 5 & 3;
    let is_conforming = |(_, attributes): Loaded| attributes & CONFORMING_CODE == CONFORMING_CODE;
    cs.1 & CODE != 0
        && requested(ss) == requested(cs)
        && (!is_usable(ss) || privilege(ss) == requested(ss))
        && data.into_iter().all(|data| {
            !is_usable(data) || is_conforming(data) || privilege(data) >= requested(data)
        })
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

    #[test]
    fn what_real_mode_leaves_behind() {
        let flat = [(8, 0xc9b), (16, 0xc93), (16, 0xc93), (16, 0xc93), (0, 0), (0, 0)];
        assert!(are_of_protected_mode(flat));
        let user = [(0x33, 0xafb), (0x2b, 0xcf3), (0x2b, 0xcf3), (0, 0), (0, 0), (0, 0)];
        assert!(are_of_protected_mode(user));
        let mut null_stack = user;
        null_stack[1] = (3, 0);
        assert!(are_of_protected_mode(null_stack));
        // Code is still what real mode makes of it, or data has a frame's number as selector.
        for (register, loaded) in [(0, (0x900, 0x93)), (1, (0x1233, 0x93)), (3, (0x1233, 0x93))] {
            let mut left = flat;
            left[register] = loaded;
            assert!(!are_of_protected_mode(left), "{register}");
        }
        let mut conforming = flat;
        conforming[2] = (11, 0xc9f);
        assert!(are_of_protected_mode(conforming));
    }
}
