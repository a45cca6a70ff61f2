// SPDX-License-Identifier: MIT OR Apache-2.0
//! PCI configuration space: where a function's messages are, and what the domain that drives the
//! function may write (PCI Local Bus Specification 3.0, chapter 6).
//!
//! Who writes a message can raise any vector of the processor, so messages are the hypervisor's:
//! it alone turns them on ([`config_write`]), and the frames with the tables of MSI-X are
//! read-only for others and stay where they are ([`msix`]).
pub mod bar;
pub mod capability;
pub mod config_write;
pub mod msix;

/// The first 256 bytes of a function's configuration space, by words at multiples of 4.
pub trait ConfigSpace {
    /// Reads the word at `register`.
    fn read(&self, register: u8) -> u32;
    /// Writes the word at `register`.
    fn write(&self, register: u8, value: u32);
}

/// The register with command in its lower and status in its upper half.
const COMMAND: u8 = 0x04;
/// The register with the header's layout in its third byte.
const HEADER: u8 = 0x0c;

/// Whether the function is a bridge to another bus.
pub fn is_bridge(space: &impl ConfigSpace) -> bool {
    let [_, _, layout, _] = space.read(HEADER).to_le_bytes();
    layout & 0x7f == 1
}

/// The number of the bus behind a bridge.
pub fn secondary_bus(space: &impl ConfigSpace) -> u8 {
    let [_, secondary, ..] = space.read(config_write::BUS_NUMBERS).to_le_bytes();
    secondary
}

/// Whether the device has more functions than the first, which this is.
pub fn has_more_functions(space: &impl ConfigSpace) -> bool {
    let [_, _, layout, _] = space.read(HEADER).to_le_bytes();
    layout & 0x80 != 0
}

#[cfg(test)]
mod tests;
