// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Array`]: words of the hypervisor in frames that follow each other.
use xen_abi::frame::{Maddr, Mfn};

use crate::frame_memory::FrameMemory;

/// Words from the start of a frame on. Who makes one has the frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Array {
    first: Mfn,
}

impl Array {
    /// Words of a frame.
    pub(super) const PER_FRAME: u64 = 512;

    pub(super) const fn new(first: Mfn) -> Self {
        Self { first }
    }

    const fn at(self, index: u64) -> Maddr {
        Maddr::new(self.first.maddr().get().wrapping_add(index.wrapping_mul(8)))
    }

    pub(super) fn get<M: FrameMemory>(self, memory: &M, index: u64) -> u64 {
        memory.read_u64(self.at(index))
    }

    pub(super) fn set<M: FrameMemory>(self, memory: &M, index: u64, word: u64) {
        memory.write_u64(self.at(index), word);
    }
}

/// Two numbers in a word, of which they are the halves ([`crate::word::halves`]).
pub(super) const fn pair(first: u32, second: u32) -> u64 {
    first as u64 | (second as u64) << 32
}

/// A bucket of a power of 2 of them for a frame.
pub(super) const fn bucket(mfn: u64, buckets: u64) -> u64 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    mfn.wrapping_mul(MIX) >> 32 & buckets.wrapping_sub(1)
}
