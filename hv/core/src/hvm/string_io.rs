// SPDX-License-Identifier: MIT OR Apache-2.0
//! `ins` and `outs` of a PVH guest, with their repetitions: which memory they mean, and what they do
//! to the registers (Intel SDM volume 2, INS and OUTS).
use crate::instruction_bytes::{Bytes, CodeSize, SegmentRegister};

const PAGE: u64 = 4096;

/// What a segment register says of memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// First byte.
    pub base: u64,
    /// Last byte, from the first on.
    pub limit: u32,
    /// Bits 40 to 47 of a descriptor: type, S, DPL, P.
    pub rights: u8,
}

/// One of the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StringIo {
    /// Where its memory is.
    pub segment: SegmentRegister,
    /// From the port to memory.
    pub is_read: bool,
    /// As often as rcx says.
    pub repeats: bool,
    size: CodeSize,
    address_bits: u32,
}

impl StringIo {
    /// The instruction at the start of `bytes`; `None` for another one.
    #[must_use]
    pub fn decode(bytes: &[u8], size: CodeSize) -> Option<Self> {
        let (prefixes, opcode) = Bytes::new(bytes, size).prefixes()?;
        let is_read = match opcode {
            0x6c | 0x6d => true,
            0x6e | 0x6f => false,
            _ => return None,
        };
        let (normal, other) = match size {
            CodeSize::Bits16 => (16, 32),
            CodeSize::Bits32 => (32, 16),
            CodeSize::Bits64 => (64, 32),
        };
        let outs = prefixes.segment.unwrap_or(SegmentRegister::Ds);
        (!prefixes.lock).then_some(Self {
            segment: if is_read { SegmentRegister::Es } else { outs },
            is_read,
            repeats: prefixes.repeat,
            size,
            address_bits: if prefixes.short_address { other } else { normal },
        })
    }

    /// The part of a register that counts.
    #[must_use]
    pub const fn part(&self, register: u64) -> u64 {
        register & u64::MAX.wrapping_shr(64_u32.wrapping_sub(self.address_bits))
    }

    /// A register after its part has become `value`: 32 bits clear those above, 16 leave them alone.
    #[must_use]
    pub const fn with_part(&self, register: u64, value: u64) -> u64 {
        let kept = if self.address_bits == 16 { register & !0xffff } else { 0 };
        kept | self.part(value)
    }

    /// The linear address of `bytes` bytes at `offset`; `None` where the segment does not let the
    /// instruction have them.
    #[must_use]
    pub fn linear(&self, bounds: &Bounds, offset: u64, bytes: u64) -> Option<u64> {
        if self.size == CodeSize::Bits64 {
            let has_base = matches!(self.segment, SegmentRegister::Fs | SegmentRegister::Gs);
            let base = if has_base { bounds.base } else { 0 };
            let first = base.wrapping_add(offset);
            let last = first.checked_add(bytes.wrapping_sub(1))?;
            let is_canonical = |address: u64| matches!(address >> 47, 0 | 0x1_ffff);
            return (is_canonical(first) && is_canonical(last)).then_some(first);
        }
        let last = offset.checked_add(bytes.wrapping_sub(1))?;
        let allowed = bounds.allow(self.is_read) && bounds.contain(offset, last);
        allowed.then(|| bounds.base.wrapping_add(offset) & 0xffff_ffff)
    }

    /// How many of `count` elements of `bytes` bytes one step takes, the first being at `offset` and
    /// `linear`: those that lie in one page and one segment, or the first alone.
    #[must_use]
    pub fn elements(&self, at: (u64, u64), bytes: u64, count: u64, down: bool) -> u64 {
        let (offset, linear) = at;
        let highest = self.part(u64::MAX).wrapping_sub(bytes).wrapping_add(1);
        let (in_page, in_range) = if down {
            ((linear % PAGE).checked_div(bytes), offset.checked_div(bytes))
        } else {
            let room = PAGE.wrapping_sub(linear % PAGE).checked_sub(bytes);
            let range = highest.checked_sub(offset);
            (
                room.and_then(|room| room.checked_div(bytes)),
                range.and_then(|all| all.checked_div(bytes)),
            )
        };
        let more = in_page.unwrap_or(0).min(in_range.unwrap_or(0));
        let crosses = linear % PAGE > PAGE.wrapping_sub(bytes);
        if crosses { count.min(1) } else { count.min(more.wrapping_add(1)) }
    }
}

impl Bounds {
    /// Whether the segment's kind lets data be written, or read.
    const fn allow(&self, write: bool) -> bool {
        const PRESENT: u8 = 0x80;
        const CODE: u8 = 8;
        const WRITABLE_OR_READABLE: u8 = 2;
        let is_code = self.rights & CODE != 0;
        let usable = if write {
            !is_code && self.rights & WRITABLE_OR_READABLE != 0
        } else {
            !is_code || self.rights & WRITABLE_OR_READABLE != 0
        };
        self.rights & PRESENT != 0 && usable
    }

    /// Whether the bytes lie in the segment; one that grows down has those above its limit.
    const fn contain(&self, first: u64, last: u64) -> bool {
        const GROWS_DOWN: u8 = 4;
        const CODE: u8 = 8;
        let limit = self.limit as u64;
        if self.rights & (CODE | GROWS_DOWN) == GROWS_DOWN {
            first > limit && last <= 0xffff_ffff
        } else {
            last <= limit
        }
    }
}

#[cfg(test)]
mod tests;
