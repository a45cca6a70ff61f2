// SPDX-License-Identifier: MIT OR Apache-2.0
//! Indices of a byte ring shared with a peer that is not trusted: the console's and xenstore's.
//!
//! Both indices run free and are masked by the size, a power of two. What the peer wrote is read
//! once and checked here; an impossible distance is [`Corrupt`], never a slice out of range.
use core::ops::Range;

#[cfg(test)]
mod tests;

/// The peer's index is further away than the ring is long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// Bytes that lie between consumer and producer.
///
/// # Errors
/// [`Corrupt`] if there would be more than `size`.
pub fn filled(prod: u32, cons: u32, size: u32) -> Result<u32, Corrupt> {
    let filled = prod.wrapping_sub(cons);
    if filled > size { Err(Corrupt) } else { Ok(filled) }
}

/// The bytes of a consumer that can be read in one piece: offsets into the ring.
///
/// ```
/// use minios_core::byte_ring::readable;
/// assert_eq!(readable(1030, 1020, 1024), Ok(1020..1024));
/// ```
///
/// # Errors
/// [`Corrupt`] as in [`filled`].
pub fn readable(prod: u32, cons: u32, size: u32) -> Result<Range<usize>, Corrupt> {
    let count = filled(prod, cons, size)?;
    Ok(piece(cons, count, size))
}

/// The room of a producer that can be written in one piece: offsets into the ring.
///
/// # Errors
/// [`Corrupt`] as in [`filled`].
pub fn writable(prod: u32, cons: u32, size: u32) -> Result<Range<usize>, Corrupt> {
    let room = size - filled(prod, cons, size)?;
    Ok(piece(prod, room, size))
}

/// An index after `count` more bytes, which must fit in the ring.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a count of a ring's bytes")]
pub fn advance(index: u32, count: usize) -> u32 {
    index.wrapping_add(count as u32)
}

fn piece(index: u32, count: u32, size: u32) -> Range<usize> {
    let start = index & (size - 1);
    let end = start + count.min(size - start);
    start as usize..end as usize
}
