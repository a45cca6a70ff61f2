// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Event`]: what is delivered through a guest's interrupt table, in the form of the fields for
//! injection (Intel SDM volume 3, 25.8.3) and for a delivery that an exit broke off (25.9.3).

/// Kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// External interrupt.
    Interrupt = 0,
    /// Non-maskable interrupt.
    Nmi = 2,
    /// Exception of the processor.
    Exception = 3,
}

/// An event with its vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Kind.
    pub kind: Kind,
    /// Vector; 2 of an NMI.
    pub vector: u8,
    /// Error code, of the exceptions that have one.
    pub error_code: Option<u32>,
}

const HAS_ERROR_CODE: u32 = 1 << 11;
const VALID: u32 = 1 << 31;

impl Event {
    /// An external interrupt.
    #[must_use]
    pub const fn interrupt(vector: u8) -> Self {
        Self { kind: Kind::Interrupt, vector, error_code: None }
    }

    /// An exception.
    #[must_use]
    pub const fn exception(vector: u8, error_code: Option<u32>) -> Self {
        Self { kind: Kind::Exception, vector, error_code }
    }

    /// The field for injection; the error code has a field of its own.
    #[must_use]
    pub fn to_bits(self) -> u32 {
        let kind = u32::from(self.kind as u8) << 8;
        let error_code = if self.error_code.is_some() { HAS_ERROR_CODE } else { 0 };
        u32::from(self.vector) | kind | error_code | VALID
    }

    /// The event of a field and its error code. `None` where there is none, and for `int n` and its
    /// kind, which rip still points at: they are executed again.
    #[must_use]
    pub fn from_bits(bits: u32, error_code: u32) -> Option<Self> {
        let [vector, kind, ..] = bits.to_le_bytes();
        let kind = match kind & 7 {
            0 => Kind::Interrupt,
            2 => Kind::Nmi,
            3 => Kind::Exception,
            _ => return None,
        };
        let error_code = (bits & HAS_ERROR_CODE != 0).then_some(error_code);
        (bits & VALID != 0).then_some(Self { kind, vector, error_code })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn injection() {
        assert_eq!(Event::interrupt(0xf3).to_bits(), 0x8000_00f3);
        assert_eq!(Event::exception(6, None).to_bits(), 0x8000_0306);
        assert_eq!(Event::exception(13, Some(0)).to_bits(), 0x8000_0b0d);
    }

    #[test]
    fn what_was_broken_off_is_delivered_again() {
        for event in [
            Event::interrupt(0x30),
            Event::exception(14, Some(2)),
            Event::exception(3, None),
            Event { kind: Kind::Nmi, vector: 2, error_code: None },
        ] {
            assert_eq!(Event::from_bits(event.to_bits(), 2), Some(event));
        }
    }

    #[test]
    fn instructions_are_executed_again() {
        // int n, int1, int3.
        for kind in [4, 5, 6] {
            assert_eq!(Event::from_bits(0x8000_0080 | kind << 8, 0), None);
        }
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(Event::from_bits(0x0000_0b0d, 0), None);
    }
}
