// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`TableWrite`]: instructions with which a guest writes to an L1 table that is mapped read-only.
//!
//! A guest that has asked for it (`VMASST_TYPE_writable_pagetables`) leaves such writes to the
//! hypervisor. The processor has told the address, so only the operation and the length of the
//! instruction are decoded. What is here is what compilers make of stores, exchanges and bit
//! operations on page table entries (Intel SDM volume 2).
mod decode;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

pub use decode::decode;

/// Carry flag.
const CF: u64 = 1 << 0;
/// Parity flag.
const PF: u64 = 1 << 2;
/// Adjust flag.
const AF: u64 = 1 << 4;
/// Zero flag.
const ZF: u64 = 1 << 6;
/// Sign flag.
const SF: u64 = 1 << 7;
/// Overflow flag.
const OF: u64 = 1 << 11;

/// What is done with the operand in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `mov`.
    Store,
    /// `xchg`; the source is a register.
    Exchange,
    /// `cmpxchg`.
    CompareExchange,
    /// `and`.
    And,
    /// `or`.
    Or,
    /// `bts`.
    BitSet,
    /// `btr`.
    BitReset,
}

/// The other operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A general register by its number, 0 to 15.
    Register(u8),
    /// A constant, sign extended.
    Immediate(u64),
}

/// A decoded instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableWrite {
    /// What it does.
    pub operation: Operation,
    /// With what.
    pub source: Source,
    /// Bytes of the operand: 1, 2, 4 or 8.
    pub bytes: u8,
    /// Bytes of the instruction.
    pub length: u8,
}

/// What an instruction changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The entry afterwards.
    pub entry: u64,
    /// A register and its value afterwards.
    pub register: Option<(u8, u64)>,
    /// rflags afterwards.
    pub rflags: u64,
}

impl TableWrite {
    /// The value of the other operand; `register` gives the general registers, 0 to 15.
    pub fn source(self, register: impl FnOnce(u8) -> u64) -> u64 {
        match self.source {
            Source::Register(number) => register(number),
            Source::Immediate(value) => value,
        }
    }

    /// What the instruction does to the entry `entry` at `offset` bytes from its start; `source` is
    /// the value of the other operand. `None` where the operand is not within the entry.
    #[must_use]
    pub fn apply(
        self,
        entry: u64,
        offset: u8,
        source: u64,
        rax: u64,
        rflags: u64,
    ) -> Option<Effect> {
        if u32::from(offset).saturating_add(u32::from(self.bytes)) > 8 {
            return None;
        }
        let bits = u32::from(self.bytes).saturating_mul(8);
        let shift = u32::from(offset).saturating_mul(8);
        let mask = u64::MAX >> (u64::BITS.saturating_sub(bits));
        let old = (entry >> shift) & mask;
        let source = source & mask;
        let bit = 1u64 << (source & u64::from(bits.saturating_sub(1)));
        let carry = if old & bit != 0 { CF } else { 0 };
        let (new, register, rflags) = match self.operation {
            Operation::Store => (source, None, rflags),
            Operation::Exchange => (source, self.register(old, source), rflags),
            Operation::CompareExchange => {
                let rflags = compare(rax & mask, old, bits, rflags);
                if rax & mask == old {
                    (source, None, rflags)
                } else {
                    (old, Some((0, widen(old, rax, bits))), rflags)
                }
            }
            Operation::And => (old & source, None, logic(old & source, bits, rflags)),
            Operation::Or => (old | source, None, logic(old | source, bits, rflags)),
            Operation::BitSet => (old | bit, None, (rflags & !CF) | carry),
            Operation::BitReset => (old & !bit, None, (rflags & !CF) | carry),
        };
        let entry = (entry & !(mask << shift)) | (new << shift);
        Some(Effect { entry, register, rflags })
    }

    /// The source register with the old value of the operand.
    fn register(self, old: u64, before: u64) -> Option<(u8, u64)> {
        match self.source {
            Source::Register(number) => {
                Some((number, widen(old, before, u32::from(self.bytes).saturating_mul(8))))
            }
            Source::Immediate(_) => None,
        }
    }
}

/// A register that held `before` and receives `value` of `bits` bits: 32 bits clear the upper
/// half, fewer leave the rest.
const fn widen(value: u64, before: u64, bits: u32) -> u64 {
    match bits {
        8 => (before & !0xff) | value,
        16 => (before & !0xffff) | value,
        _ => value,
    }
}

/// Flags after `and` and `or`.
fn logic(result: u64, bits: u32, rflags: u64) -> u64 {
    (rflags & !(CF | PF | AF | ZF | SF | OF)) | result_flags(result, bits)
}

/// Flags after comparing `left` with `right`.
fn compare(left: u64, right: u64, bits: u32, rflags: u64) -> u64 {
    let sign = 1u64 << bits.saturating_sub(1);
    let difference = left.wrapping_sub(right);
    let mut flags = result_flags(difference, bits);
    if left < right {
        flags |= CF;
    }
    if (left ^ right ^ difference) & 0x10 != 0 {
        flags |= AF;
    }
    if (left ^ right) & (left ^ difference) & sign != 0 {
        flags |= OF;
    }
    (rflags & !(CF | PF | AF | ZF | SF | OF)) | flags
}

fn result_flags(result: u64, bits: u32) -> u64 {
    let masked = result & (u64::MAX >> (u64::BITS.saturating_sub(bits)));
    let zero = if masked == 0 { ZF } else { 0 };
    let sign = if masked >> bits.saturating_sub(1) != 0 { SF } else { 0 };
    let parity = if (masked & 0xff).count_ones().is_multiple_of(2) { PF } else { 0 };
    zero | sign | parity
}
