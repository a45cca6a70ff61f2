// SPDX-License-Identifier: MIT OR Apache-2.0
//! Decoding the few instructions of ring 0 that a PV guest may use, and `int n`.
//!
//! A guest's kernel runs in ring 3, so these take #GP. The list is short on purpose: everything
//! else is the guest's own fault (Intel SDM volume 2).
pub use crate::instruction_bytes::MAX_LENGTH;
use crate::instruction_bytes::{Bytes, CodeSize, Prefixes};

#[cfg(test)]
mod tests;

/// A privileged instruction. `register` is the number of a general register, 0 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// `in`, `out`, `ins` or `outs`.
    Port(PortAccess),
    /// `mov register, crN`.
    ReadControl {
        /// N.
        number: u8,
        /// Where to.
        register: u8,
    },
    /// `mov crN, register`.
    WriteControl {
        /// N.
        number: u8,
        /// Where from.
        register: u8,
    },
    /// `mov register, drN`.
    ReadDebug {
        /// N.
        number: u8,
        /// Where to.
        register: u8,
    },
    /// `mov drN, register`.
    WriteDebug {
        /// N.
        number: u8,
        /// Where from.
        register: u8,
    },
    /// `clts`.
    ClearTaskSwitched,
    /// `wbinvd` or `invd`.
    FlushCache,
    /// `rdmsr`.
    ReadMsr,
    /// `wrmsr`.
    WriteMsr,
    /// `rdtsc`.
    ReadTsc,
    /// `rdtscp`.
    ReadTscp,
    /// `cpuid`.
    Cpuid,
    /// `xsetbv`.
    SetExtendedControl,
    /// `cli` or `sti`.
    InterruptFlag,
    /// `int n`.
    SoftwareInterrupt(u8),
}

/// An access to I/O ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortAccess {
    /// To the port, not from it.
    pub is_write: bool,
    /// 1, 2 or 4 bytes.
    pub bytes: u8,
    /// The port's number, or `None` for that in dx.
    pub port: Option<u8>,
    /// With memory (`ins`, `outs`), not with rax.
    pub string: Option<StringAccess>,
}

/// The memory side of `ins` and `outs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StringAccess {
    /// As often as rcx says.
    pub repeat: bool,
    /// Addresses and counts have 32 bits.
    pub short_address: bool,
}

/// An instruction and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What it does.
    pub instruction: Instruction,
    /// Bytes.
    pub length: u8,
}

/// Decodes the instruction at the start of `bytes`, in 64-bit mode; `None` if it is none of the
/// list or not whole.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Decoded> {
    let mut bytes = Bytes::new(bytes, CodeSize::Bits64);
    let (prefixes, opcode) = bytes.prefixes()?;
    if prefixes.lock {
        return None;
    }
    let instruction = match opcode {
        0x0f => decode_two_byte(&mut bytes, prefixes)?,
        0xcd => Instruction::SoftwareInterrupt(bytes.next()?),
        0xfa | 0xfb => Instruction::InterruptFlag,
        _ => Instruction::Port(decode_port(opcode, &mut bytes, prefixes)?),
    };
    Some(Decoded { instruction, length: bytes.taken() })
}

/// Bit 0 of these opcodes is "not a byte", bit 1 is "to the port".
fn decode_port(opcode: u8, bytes: &mut Bytes<'_>, prefixes: Prefixes) -> Option<PortAccess> {
    let is_string = matches!(opcode, 0x6c..=0x6f);
    let port = match opcode {
        0xe4..=0xe7 => Some(bytes.next()?),
        0xec..=0xef | 0x6c..=0x6f => None,
        _ => return None,
    };
    // A segment base would be needed for them.
    if is_string && prefixes.segment.is_some() {
        return None;
    }
    let size = match (opcode & 1, prefixes.short_operand) {
        (0, _) => 1,
        (_, true) => 2,
        _ => 4,
    };
    let string = StringAccess { repeat: prefixes.repeat, short_address: prefixes.short_address };
    Some(PortAccess {
        is_write: opcode & 2 != 0,
        bytes: size,
        port,
        string: is_string.then_some(string),
    })
}

fn decode_two_byte(bytes: &mut Bytes<'_>, prefixes: Prefixes) -> Option<Instruction> {
    Some(match bytes.next()? {
        0x01 => match bytes.next()? {
            0xd1 => Instruction::SetExtendedControl,
            0xf9 => Instruction::ReadTscp,
            _ => return None,
        },
        0x06 => Instruction::ClearTaskSwitched,
        0x08 | 0x09 => Instruction::FlushCache,
        opcode @ 0x20..=0x23 => {
            let (number, register) = decode_registers(bytes.next()?, prefixes.rex);
            match opcode {
                0x20 => Instruction::ReadControl { number, register },
                0x21 => Instruction::ReadDebug { number, register },
                0x22 => Instruction::WriteControl { number, register },
                _ => Instruction::WriteDebug { number, register },
            }
        }
        0x30 => Instruction::WriteMsr,
        0x31 => Instruction::ReadTsc,
        0x32 => Instruction::ReadMsr,
        0xa2 => Instruction::Cpuid,
        _ => return None,
    })
}

/// The special and the general register of a ModRM byte; its mode is ignored for these.
const fn decode_registers(modrm: u8, rex: u8) -> (u8, u8) {
    let number = (modrm >> 3 & 7) | (rex & 4) << 1;
    let register = (modrm & 7) | (rex & 1) << 3;
    (number, register)
}

/// What a guest puts before `cpuid` to have it emulated: `ud2` and "xen"
/// (`public/arch-x86/xen.h`, `XEN_EMULATE_PREFIX`).
pub const FORCED_CPUID: [u8; 7] = [0x0f, 0x0b, b'x', b'e', b'n', 0x0f, 0xa2];
