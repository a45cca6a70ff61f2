// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interrupt command register: messages to local APICs (Intel SDM volume 3, 10.6 and 10.12.9).
use super::base::Mode;
use super::{LocalApic, registers};

/// What a message does to who gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// An interrupt for each.
    Fixed(u8),
    /// An interrupt for the one with the lowest priority.
    LowestPriority(u8),
    /// A non-maskable interrupt.
    Nmi,
    /// Back to the state after power-up, to wait for a start.
    Init,
    /// Start in real mode at this page.
    Startup(u8),
}

/// Who gets a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The sender.
    Itself,
    /// All.
    All,
    /// All but the sender.
    Others,
    /// The one with this number, or all.
    Physical(u32),
    /// Those whose logical destination register has a bit of this.
    Logical(u32),
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// What.
    pub delivery: Delivery,
    /// To whom.
    pub destination: Destination,
}

impl Command {
    /// A register's value, the destination in its upper half. `None` for what does nothing: SMIs
    /// and reserved kinds, which there are none of here, and INIT withdrawn (10.6.1).
    #[must_use]
    pub const fn of(low: u32, target: u32) -> Option<Self> {
        const LOGICAL: u32 = 1 << 11;
        const ASSERTED: u32 = 1 << 14;
        const LEVEL: u32 = 1 << 15;
        let [vector, ..] = low.to_le_bytes();
        let delivery = match low >> 8 & 7 {
            0 => Delivery::Fixed(vector),
            1 => Delivery::LowestPriority(vector),
            4 => Delivery::Nmi,
            5 if low & (LEVEL | ASSERTED) == LEVEL => return None,
            5 => Delivery::Init,
            6 => Delivery::Startup(vector),
            _ => return None,
        };
        let destination = match low >> 18 & 3 {
            1 => Destination::Itself,
            2 => Destination::All,
            3 => Destination::Others,
            _ if low & LOGICAL != 0 => Destination::Logical(target),
            _ => Destination::Physical(target),
        };
        Some(Self { delivery, destination })
    }

    /// The vector of a message that is an interrupt.
    pub(super) const fn vector(&self) -> Option<u8> {
        match self.delivery {
            Delivery::Fixed(vector) | Delivery::LowestPriority(vector) => Some(vector),
            _ => None,
        }
    }
}

impl LocalApic {
    /// Whether it gets a message to `destination`; `is_sender`: it has sent it (10.6.2).
    #[must_use]
    pub fn is_meant(&self, destination: Destination, is_sender: bool) -> bool {
        let broadcast = match self.base().mode() {
            Mode::Off => return false,
            Mode::XApic => 0xff,
            Mode::X2Apic => u32::MAX,
        };
        match destination {
            Destination::Itself => is_sender,
            Destination::All => true,
            Destination::Others => !is_sender,
            Destination::Physical(target) => target == broadcast || target == self.id(),
            Destination::Logical(target) => target == broadcast || self.has_logical(target),
        }
    }

    /// Whether its logical destination register answers to `target`: by cluster in bits 16 to 31 of
    /// the x2APIC form; in that of memory flat, or by cluster in bits 4 to 7.
    fn has_logical(&self, target: u32) -> bool {
        const FLAT: u32 = 0xf;
        let logical = self.logical();
        if self.base().mode() == Mode::X2Apic {
            return logical >> 16 == target >> 16 && logical & target & 0xffff != 0;
        }
        let logical = logical >> 24;
        match self.format >> registers::FORMAT_SHIFT {
            FLAT => logical & target & 0xff != 0,
            0 => logical >> 4 == target >> 4 & 0xf && logical & target & 0xf != 0,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let of = |low| Command::of(low, 2).map(|command| command.delivery);
        assert_eq!(of(0x4055), Some(Delivery::Fixed(0x55)));
        assert_eq!(of(0x155), Some(Delivery::LowestPriority(0x55)));
        assert_eq!(of(0x200), None);
        assert_eq!(of(0x400), Some(Delivery::Nmi));
        assert_eq!(of(0x4500), Some(Delivery::Init));
        assert_eq!(of(0xc500), Some(Delivery::Init));
        assert_eq!(of(0x8500), None);
        assert_eq!(of(0x609), Some(Delivery::Startup(9)));
        assert_eq!((of(0x300), of(0x700)), (None, None));
    }

    #[test]
    fn shorthands_come_before_destinations() {
        let to = |low| Command::of(low, 2).unwrap().destination;
        assert_eq!(to(0x30), Destination::Physical(2));
        assert_eq!(to(0x830), Destination::Logical(2));
        assert_eq!(to(0x4_0830), Destination::Itself);
        assert_eq!(to(0x8_0030), Destination::All);
        assert_eq!(to(0xc_0030), Destination::Others);
    }
}
