// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Descriptor`]: which segment descriptors a guest may have in its GDT and LDT.

#[cfg(test)]
mod tests;

/// A segment descriptor of 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor(u64);

const TYPE_SHIFT: u32 = 40;
/// Code or data, not a system descriptor.
const CODE_OR_DATA: u64 = 1 << 44;
const RING_3: u64 = 3 << 45;
/// In a call gate: the requested ring of its code selector.
const GATE_SELECTOR_RING_3: u64 = 3 << 16;
const PRESENT: u64 = 1 << 47;
/// Type of the system descriptors: none (also the second half of a 16-byte one).
const TYPE_NONE: u64 = 0;
/// Type of the system descriptors: 64-bit call gate.
const TYPE_CALL_GATE: u64 = 12;

impl Descriptor {
    /// Gives a raw descriptor this type.
    #[must_use]
    pub const fn new(raw: u64) -> Self {
        Self(raw)
    }

    /// The raw descriptor.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The descriptor as it may be used: code and data become ring 3's, call gates ring 0's.
    /// `None` for what a guest may not have: other system descriptors.
    #[must_use]
    pub const fn checked(self) -> Option<Self> {
        if self.0 & PRESENT == 0 {
            return Some(self);
        }
        if self.0 & CODE_OR_DATA != 0 {
            return Some(Self(self.0 | RING_3));
        }
        match (self.0 >> TYPE_SHIFT) & 0xf {
            TYPE_NONE => Some(self),
            TYPE_CALL_GATE => Some(Self((self.0 & !RING_3) | GATE_SELECTOR_RING_3)),
            _ => None,
        }
    }
}
