// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions of ring 0 that may fault on a guest's account, and where they continue.

unsafe extern "C" {
    static guest_copy_start: u8;
    static guest_copy_end: u8;
    static guest_copy_fault: u8;
    static load_selector_start: u8;
    static load_selector_end: u8;
    static load_selector_fault: u8;
}

/// Where to continue after a fault at `rip`, if that is one of the instructions.
pub fn continuation(rip: u64) -> Option<u64> {
    let places = [
        (&raw const guest_copy_start, &raw const guest_copy_end, &raw const guest_copy_fault),
        (
            &raw const load_selector_start,
            &raw const load_selector_end,
            &raw const load_selector_fault,
        ),
    ];
    let found = places.iter().find(|place| (place.0 as u64..place.1 as u64).contains(&rip));
    found.map(|place| place.2 as u64)
}
