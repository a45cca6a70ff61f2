// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bytes of an instruction, one after the other, and its prefixes (Intel SDM volume 2, chapter 2).

/// Longest instruction, in bytes.
pub const MAX_LENGTH: usize = 15;

/// The size of code, by which its instructions are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeSize {
    /// 16 bits: operands and addresses too, unless a prefix says 32.
    Bits16,
    /// 32 bits, unless a prefix says 16.
    Bits32,
    /// 64-bit mode: addresses of 64 bits, almost without segments.
    Bits64,
}

/// A segment register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are named after the registers")]
pub enum SegmentRegister {
    Es,
    Cs,
    Ss,
    Ds,
    Fs,
    Gs,
}

impl SegmentRegister {
    /// Whether its base counts in 64-bit mode.
    #[must_use]
    pub const fn has_long_base(self) -> bool {
        matches!(self, Self::Fs | Self::Gs)
    }
}

/// What stands before an opcode.
#[derive(Clone, Copy, Default)]
pub(crate) struct Prefixes {
    /// Operands have 16 bits, where REX does not say 64; in 16-bit code 32.
    pub(crate) short_operand: bool,
    /// Addresses have 32 bits; in 32-bit code 16.
    pub(crate) short_address: bool,
    /// A string instruction is repeated.
    pub(crate) repeat: bool,
    /// `lock`.
    pub(crate) lock: bool,
    /// Another segment than the usual one.
    pub(crate) segment: Option<SegmentRegister>,
    /// The REX prefix, 0 for none.
    pub(crate) rex: u8,
}

impl Prefixes {
    /// Bytes of an operand that is not a byte, in 32-bit and 64-bit code.
    pub(crate) const fn wide(self) -> u8 {
        match (self.rex & 8 != 0, self.short_operand) {
            (true, _) => 8,
            (false, true) => 2,
            (false, false) => 4,
        }
    }
}

/// The bytes not yet decoded, and the number of those that are.
pub(crate) struct Bytes<'a> {
    rest: &'a [u8],
    taken: u8,
    size: CodeSize,
}

impl<'a> Bytes<'a> {
    /// The instruction at the start of `bytes`, in code of this size.
    pub(crate) fn new(bytes: &'a [u8], size: CodeSize) -> Self {
        Self { rest: bytes.get(..MAX_LENGTH).unwrap_or(bytes), taken: 0, size }
    }

    /// How many have been taken.
    pub(crate) const fn taken(&self) -> u8 {
        self.taken
    }

    /// The next one.
    pub(crate) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.taken = self.taken.saturating_add(1);
        Some(*first)
    }

    /// Leaves `count` out.
    pub(crate) fn skip(&mut self, count: u8) -> Option<()> {
        (0..count).try_for_each(|_| self.next().map(|_| ()))
    }

    /// Leaves out what follows a ModRM byte that names memory, by addresses of 32 or 64 bits; `None`
    /// for a register.
    pub(crate) fn skip_address(&mut self, modrm: u8) -> Option<()> {
        let (mode, mut base) = (modrm >> 6, modrm & 7);
        if mode == 3 {
            return None;
        }
        if base == 4 {
            base = self.next()? & 7;
        }
        self.skip(match mode {
            0 if base == 5 => 4,
            1 => 1,
            2 => 4,
            _ => 0,
        })
    }

    /// A constant of `count` bytes, sign extended.
    pub(crate) fn immediate(&mut self, count: u8) -> Option<u64> {
        let mut value: u64 = 0;
        let mut shift: u32 = 0;
        for _ in 0..count {
            value |= u64::from(self.next()?) << shift;
            shift = shift.saturating_add(8);
        }
        let unused = u64::BITS.saturating_sub(shift);
        Some((value << unused).cast_signed().wrapping_shr(unused).cast_unsigned())
    }

    /// The bytes that are left.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The prefixes, and the first byte of the opcode. REX counts in 64-bit mode and right before the
    /// opcode only.
    pub(crate) fn prefixes(&mut self) -> Option<(Prefixes, u8)> {
        let mut prefixes = Prefixes::default();
        loop {
            let byte = self.next()?;
            match byte {
                0x40..=0x4f if self.size == CodeSize::Bits64 => {
                    prefixes.rex = byte;
                    continue;
                }
                0x66 => prefixes.short_operand = true,
                0x67 => prefixes.short_address = true,
                0xf2 | 0xf3 => prefixes.repeat = true,
                0xf0 => prefixes.lock = true,
                0x26 => prefixes.segment = Some(SegmentRegister::Es),
                0x2e => prefixes.segment = Some(SegmentRegister::Cs),
                0x36 => prefixes.segment = Some(SegmentRegister::Ss),
                0x3e => prefixes.segment = Some(SegmentRegister::Ds),
                0x64 => prefixes.segment = Some(SegmentRegister::Fs),
                0x65 => prefixes.segment = Some(SegmentRegister::Gs),
                opcode => return Some((prefixes, opcode)),
            }
            prefixes.rex = 0;
        }
    }
}
