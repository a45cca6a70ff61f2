// SPDX-License-Identifier: MIT OR Apache-2.0
//! The list of capabilities.
use super::{COMMAND, ConfigSpace};

/// Message signalled interrupts.
pub const MSI: u8 = 0x05;
/// Message signalled interrupts by a table in memory.
pub const MSIX: u8 = 0x11;

const STATUS_HAS_CAPABILITIES: u32 = 1 << (16 + 4);
const POINTER: u8 = 0x34;
/// The list is behind the header.
const FIRST: u8 = 0x40;
/// More capabilities than fit in the space mean a loop.
const MAX_CAPABILITIES: usize = 48;

/// The register where the capability `id` begins.
pub fn find(space: &impl ConfigSpace, id: u8) -> Option<u8> {
    let command = space.read(COMMAND);
    if command == u32::MAX || command & STATUS_HAS_CAPABILITIES == 0 {
        return None;
    }
    let [mut at, ..] = space.read(POINTER).to_le_bytes();
    for _ in 0..MAX_CAPABILITIES {
        at &= !3;
        if at < FIRST {
            return None;
        }
        let [found, next, ..] = space.read(at).to_le_bytes();
        if found == id {
            return Some(at);
        }
        at = next;
    }
    None
}
