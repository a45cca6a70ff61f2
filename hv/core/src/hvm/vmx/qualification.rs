// SPDX-License-Identifier: MIT OR Apache-2.0
//! The exit qualification: what an exit says of the instruction or access (Intel SDM volume 3,
//! 28.2.1).
use crate::emulate::Instruction;

/// An access to a control register (table 28-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlAccess {
    /// `mov` or `clts`.
    Instruction(Instruction),
    /// `lmsw` with this operand.
    LoadStatusWord(u16),
}

/// Decodes an access to a control register.
#[must_use]
pub const fn control_access(qualification: u64) -> ControlAccess {
    let [low, high, word_low, word_high, ..] = qualification.to_le_bytes();
    let (number, register) = (low & 15, high & 15);
    match low >> 4 & 3 {
        0 => ControlAccess::Instruction(Instruction::WriteControl { number, register }),
        1 => ControlAccess::Instruction(Instruction::ReadControl { number, register }),
        2 => ControlAccess::Instruction(Instruction::ClearTaskSwitched),
        _ => ControlAccess::LoadStatusWord(u16::from_le_bytes([word_low, word_high])),
    }
}

/// Decodes a `mov` from or to a debug register (table 28-4).
#[must_use]
pub const fn debug_access(qualification: u64) -> Instruction {
    let [low, high, ..] = qualification.to_le_bytes();
    let (number, register) = (low & 7, high & 15);
    if low & 1 << 4 != 0 {
        Instruction::ReadDebug { number, register }
    } else {
        Instruction::WriteDebug { number, register }
    }
}

/// An access to an I/O port (table 28-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortAccess {
    /// The port.
    pub port: u16,
    /// 1, 2 or 4.
    pub bytes: u8,
    /// From the port, not to it.
    pub is_read: bool,
    /// With memory, not with rax.
    pub is_string: bool,
}

/// Decodes an access to an I/O port.
#[must_use]
pub const fn port_access(qualification: u64) -> PortAccess {
    let [low, _, port_low, port_high, ..] = qualification.to_le_bytes();
    PortAccess {
        port: u16::from_le_bytes([port_low, port_high]),
        bytes: (low & 7).saturating_add(1),
        is_read: low & 1 << 3 != 0,
        is_string: low & 1 << 4 != 0,
    }
}

/// Whether memory that is there was to be executed and must not be (table 28-7).
#[must_use]
pub const fn is_refused_code(qualification: u64) -> bool {
    const FETCH: u64 = 1 << 2;
    const READABLE: u64 = 1 << 3;
    const EXECUTABLE: u64 = 1 << 5;
    qualification & (FETCH | READABLE | EXECUTABLE) == FETCH | READABLE
}

/// The bits of DR6 that a debug exception sets (table 28-1): breakpoints, access to a debug
/// register, single step.
#[must_use]
pub const fn debug_reasons(qualification: u64) -> u64 {
    qualification & 0x600f
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_registers() {
        let instruction = ControlAccess::Instruction;
        let write = Instruction::WriteControl { number: 4, register: 11 };
        assert_eq!(control_access(0xb04), instruction(write));
        let read = Instruction::ReadControl { number: 3, register: 0 };
        assert_eq!(control_access(0x13), instruction(read));
        assert_eq!(control_access(0x20), instruction(Instruction::ClearTaskSwitched));
        assert_eq!(control_access(0x0013_0070), ControlAccess::LoadStatusWord(0x13));
    }

    #[test]
    fn debug_registers() {
        assert_eq!(debug_access(0x307), Instruction::WriteDebug { number: 7, register: 3 });
        assert_eq!(debug_access(0xf16), Instruction::ReadDebug { number: 6, register: 15 });
        assert_eq!(debug_reasons(0x1_600f | 1 << 12), 0x600f);
    }

    #[test]
    fn code_that_is_refused() {
        assert!(is_refused_code(0x19c));
        // Nothing is there; a write to what can be executed.
        assert!(!is_refused_code(0x184));
        assert!(!is_refused_code(0x1aa));
    }

    #[test]
    fn ports() {
        let read = PortAccess { port: 0x3f8, bytes: 1, is_read: true, is_string: false };
        assert_eq!(port_access(0x03f8_0008), read);
        let write = PortAccess { port: 0x80, bytes: 4, is_read: false, is_string: true };
        assert_eq!(port_access(0x0080_0033), write);
    }
}
