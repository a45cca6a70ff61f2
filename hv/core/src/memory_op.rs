// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is checked of `memory_op`'s requests before their lists are read.
use xen_abi::errno::Errno;
use xen_abi::memory::{
    Exchange, MEMF_ADDRESS_BITS, MEMF_NODE, MEMF_POPULATE_ON_DEMAND, MEMF_VNODE, MemoryReservation,
};

use crate::guest_range::is_guest_range;

#[cfg(test)]
mod tests;

/// Largest extent of a list: 2 MiB. Xen lets an ordinary domain have no larger ones either.
pub const MAX_EXTENT_ORDER: u32 = 9;
/// The most extents a list may have: the index must fit into the operation's upper bits.
const MAX_EXTENTS: u64 = u64::MAX >> 6;
/// Bytes of a frame number in a list.
const ENTRY_BYTES: u64 = 8;
/// The only node of memory there is, as the field has it.
const NODE_0: u32 = 1 << 8;
/// How many bits the addresses of the request's frames may have; `None` for extents that cannot
/// be had, or whose list is not the guest's.
#[must_use]
pub fn address_bits(request: &MemoryReservation) -> Option<u32> {
    let flags = request.mem_flags;
    let node = flags & MEMF_NODE;
    let possible = request.extent_order <= MAX_EXTENT_ORDER
        && request.nr_extents <= MAX_EXTENTS
        && (node == 0 || node == NODE_0)
        && flags & (MEMF_POPULATE_ON_DEMAND | MEMF_VNODE) == 0
        && is_list(request);
    possible.then_some(limit(flags))
}

/// The address bits in a request's flags.
const fn limit(flags: u32) -> u32 {
    match flags & MEMF_ADDRESS_BITS {
        0 => u64::BITS,
        bits => bits,
    }
}

/// Whether the whole list lies where a guest may have memory.
fn is_list(request: &MemoryReservation) -> bool {
    let bytes = request.nr_extents.checked_mul(ENTRY_BYTES);
    bytes.is_some_and(|bytes| is_guest_range(request.extent_start, bytes))
}

/// A checked exchange, in chunks: the smallest sets of extents of the same size on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunks {
    /// Order of the extents given.
    pub input_order: u32,
    /// Order of the extents taken.
    pub output_order: u32,
    /// How many bits the addresses of the frames taken may have.
    pub address_bits: u32,
    /// Log2 of the input extents in a chunk.
    pub input_shift: u32,
    /// Log2 of the output extents in a chunk.
    pub output_shift: u32,
    /// The chunk to go on with.
    pub next: u64,
    /// The end of the chunks.
    pub end: u64,
}

impl Chunks {
    /// Checks a request.
    ///
    /// # Errors
    /// `EPERM` for extents that are too large, `EINVAL` for sizes that differ or have no number,
    /// `EFAULT` for lists that are not the guest's.
    pub fn of(request: &Exchange) -> Result<Self, Errno> {
        let (input, output) = (&request.input, &request.output);
        let (from, to) = (input.extent_order, output.extent_order);
        if from > MAX_EXTENT_ORDER || to > MAX_EXTENT_ORDER {
            return Err(Errno::Eperm);
        }
        let given = input.nr_extents.checked_mul(1 << from).ok_or(Errno::Einval)?;
        let taken = output.nr_extents.checked_mul(1 << to).ok_or(Errno::Einval)?;
        if given != taken || request.nr_exchanged > input.nr_extents || input.domid != output.domid
        {
            return Err(Errno::Einval);
        }
        if !is_list(input) || !is_list(output) {
            return Err(Errno::Efault);
        }
        let input_shift = to.saturating_sub(from);
        Ok(Self {
            input_order: from,
            output_order: to,
            address_bits: limit(output.mem_flags),
            input_shift,
            output_shift: from.saturating_sub(to),
            next: request.nr_exchanged >> input_shift,
            end: input.nr_extents >> input_shift,
        })
    }

    /// Frames of a chunk, on each side.
    #[must_use]
    pub fn frames(&self) -> u64 {
        1 << self.input_order.max(self.output_order)
    }

    /// The input extents of chunk `chunk`.
    pub fn inputs(&self, chunk: u64) -> impl Iterator<Item = u64> + use<> {
        (chunk << self.input_shift..).take(1 << self.input_shift)
    }

    /// The output extents of chunk `chunk`.
    pub fn outputs(&self, chunk: u64) -> impl Iterator<Item = u64> + use<> {
        (chunk << self.output_shift..).take(1 << self.output_shift)
    }
}
