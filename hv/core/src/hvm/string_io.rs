// SPDX-License-Identifier: MIT OR Apache-2.0
//! `ins` and `outs` of a PVH guest, with their repetitions: which memory they mean, and what they do
//! to the registers (Intel SDM volume 2, INS and OUTS).
use super::segment::{Bounds, SegmentAccess};
use crate::instruction_bytes::{Bytes, CodeSize, SegmentRegister};

const PAGE: u64 = 4096;

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
        let Self { size, segment, is_read: is_write, .. } = *self;
        SegmentAccess { size, segment, is_write }.linear(bounds, offset, bytes)
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

#[cfg(test)]
mod tests;
