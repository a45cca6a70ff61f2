// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes of an instruction to a [`TableWrite`].
use super::{Operation, Source, TableWrite};
use crate::instruction_bytes::{Bytes, CodeSize, Prefixes};

/// Where the source of an instruction is.
enum From {
    /// The register field.
    Register,
    /// A constant of so many bytes.
    Immediate(u8),
}

/// Decodes the instruction at the start of `bytes`, in 64-bit mode; `None` if it is no write to
/// memory of the list, or not whole.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<TableWrite> {
    let mut bytes = Bytes::new(bytes, CodeSize::Bits64);
    let (prefixes, opcode) = bytes.prefixes()?;
    // Addresses of 32 bits and repetition are not among them.
    if prefixes.short_address || prefixes.repeat {
        return None;
    }
    if opcode == 0x0f {
        two_byte(&mut bytes, prefixes)
    } else {
        one_byte(opcode, &mut bytes, prefixes)
    }
}

fn one_byte(opcode: u8, bytes: &mut Bytes<'_>, prefixes: Prefixes) -> Option<TableWrite> {
    let size = if opcode & 1 == 0 { 1 } else { prefixes.wide() };
    let modrm = bytes.next()?;
    let group = (modrm >> 3) & 7;
    let (operation, from) = match (opcode, group) {
        (0x88 | 0x89, _) => (Operation::Store, From::Register),
        (0x86 | 0x87, _) => (Operation::Exchange, From::Register),
        (0x20 | 0x21, _) => (Operation::And, From::Register),
        (0x08 | 0x09, _) => (Operation::Or, From::Register),
        (0xc6 | 0xc7, 0) => (Operation::Store, From::Immediate(size.min(4))),
        (0x80 | 0x81, 4) => (Operation::And, From::Immediate(size.min(4))),
        (0x80 | 0x81, 1) => (Operation::Or, From::Immediate(size.min(4))),
        (0x83, 4) => (Operation::And, From::Immediate(1)),
        (0x83, 1) => (Operation::Or, From::Immediate(1)),
        _ => return None,
    };
    finish(operation, from, size, modrm, bytes, prefixes)
}

fn two_byte(bytes: &mut Bytes<'_>, prefixes: Prefixes) -> Option<TableWrite> {
    let opcode = bytes.next()?;
    let modrm = bytes.next()?;
    let size = if opcode == 0xb0 { 1 } else { prefixes.wide() };
    let (operation, from) = match (opcode, (modrm >> 3) & 7) {
        (0xb0 | 0xb1, _) => (Operation::CompareExchange, From::Register),
        (0xab, _) => (Operation::BitSet, From::Register),
        (0xb3, _) => (Operation::BitReset, From::Register),
        (0xba, 5) => (Operation::BitSet, From::Immediate(1)),
        (0xba, 6) => (Operation::BitReset, From::Immediate(1)),
        _ => return None,
    };
    finish(operation, from, size, modrm, bytes, prefixes)
}

/// Skips the address, and reads the source.
fn finish(
    operation: Operation,
    from: From,
    size: u8,
    modrm: u8,
    bytes: &mut Bytes<'_>,
    prefixes: Prefixes,
) -> Option<TableWrite> {
    bytes.skip_address(modrm)?;
    let source = match from {
        From::Immediate(count) => Source::Immediate(bytes.immediate(count)?),
        From::Register => {
            let number = ((modrm >> 3) & 7) | ((prefixes.rex & 4) << 1);
            // Without a REX prefix these bytes are the second ones of the first four registers.
            if size == 1 && prefixes.rex == 0 && number >= 4 {
                return None;
            }
            Source::Register(number)
        }
    };
    Some(TableWrite { operation, source, bytes: size, length: bytes.taken() })
}
