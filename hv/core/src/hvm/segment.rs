// SPDX-License-Identifier: MIT OR Apache-2.0
//! Segments: how an offset becomes a linear address (Intel SDM volume 3, 3.4 and 5.3).
use xen_abi::frame::VirtAddr;

use crate::instruction_bytes::{CodeSize, SegmentRegister};

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

/// An access to memory by an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentAccess {
    /// The code that makes it.
    pub size: CodeSize,
    /// By which segment.
    pub segment: SegmentRegister,
    /// Whether memory is written.
    pub is_write: bool,
}

impl SegmentAccess {
    /// The linear address of `bytes` bytes at `offset`; `None` where the segment does not let the
    /// instruction have them.
    #[must_use]
    pub fn linear(&self, bounds: &Bounds, offset: u64, bytes: u64) -> Option<u64> {
        if self.size == CodeSize::Bits64 {
            let base = if self.segment.has_long_base() { bounds.base } else { 0 };
            let first = base.wrapping_add(offset);
            let last = first.checked_add(bytes.wrapping_sub(1))?;
            let is_canonical = |address| VirtAddr::new(address).is_canonical();
            return (is_canonical(first) && is_canonical(last)).then_some(first);
        }
        let last = offset.checked_add(bytes.wrapping_sub(1))?;
        let allowed = bounds.allow(self.is_write) && bounds.contain(offset, last);
        allowed.then(|| bounds.base.wrapping_add(offset) & 0xffff_ffff)
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
mod tests {
    use super::*;

    const FLAT: Bounds = Bounds { base: 0, limit: u32::MAX, rights: 0x93 };

    fn access(size: CodeSize, segment: SegmentRegister, is_write: bool) -> SegmentAccess {
        SegmentAccess { size, segment, is_write }
    }

    #[test]
    fn limits_and_kinds() {
        let write = access(CodeSize::Bits32, SegmentRegister::Es, true);
        let read = SegmentAccess { is_write: false, ..write };
        let at = |rights, limit| Bounds { base: 0x1000, limit, rights };
        assert_eq!(write.linear(&at(0x93, 0xfff), 0xffc, 4), Some(0x1ffc));
        assert_eq!(write.linear(&at(0x93, 0xfff), 0xffd, 4), None);
        assert_eq!(write.linear(&at(0x91, 0xfff), 0, 4), None, "read-only");
        assert_eq!(read.linear(&at(0x91, 0xfff), 0, 4), Some(0x1000));
        assert_eq!(write.linear(&at(0x9b, 0xfff), 0, 4), None, "code");
        assert_eq!(read.linear(&at(0x99, 0xfff), 0, 4), None, "code for executing alone");
        assert_eq!(write.linear(&at(0x13, 0xfff), 0, 4), None, "not present");
        assert_eq!(write.linear(&at(0x97, 0xfff), 0xfff, 4), None, "grows down");
        assert_eq!(write.linear(&at(0x97, 0xfff), 0x1000, 4), Some(0x2000));
        assert_eq!(write.linear(&at(0x93, u32::MAX), 0xffff_ffff, 1), Some(0xfff), "wraps");
    }

    #[test]
    fn long_mode_has_canonical_addresses_and_two_bases() {
        let write = access(CodeSize::Bits64, SegmentRegister::Es, true);
        let nothing = Bounds::default();
        assert_eq!(write.linear(&nothing, 0x7fff_ffff_fffc, 4), Some(0x7fff_ffff_fffc));
        assert_eq!(write.linear(&FLAT, 0x7fff_ffff_fffd, 4), None);
        assert_eq!(write.linear(&FLAT, u64::MAX, 4), None);
        let gs = access(CodeSize::Bits64, SegmentRegister::Gs, false);
        assert_eq!(gs.linear(&Bounds { base: 0x5000, ..FLAT }, 8, 1), Some(0x5008));
    }
}
