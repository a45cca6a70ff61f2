// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random identities of new domains: UUIDs and Ethernet addresses.

use alloc::format;
use alloc::string::String;

use dom0_core::config::MacAddress;
use minios::random;

/// A new random UUID (RFC 9562, version 4).
pub(super) fn new_uuid() -> [u8; 16] {
    let mut uuid = [0; 16];
    random::fill(&mut uuid);
    uuid[6] = uuid[6] & 0x0f | 0x40;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    uuid
}

/// A UUID as text.
pub(super) fn format_uuid(uuid: &[u8; 16]) -> String {
    let mut text = String::new();
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// A random Ethernet address in the range that Xen uses for its guests.
pub(super) fn new_mac() -> MacAddress {
    let mut low = [0; 3];
    random::fill(&mut low);
    MacAddress([0x00, 0x16, 0x3e, low[0] & 0x7f, low[1], low[2]])
}
