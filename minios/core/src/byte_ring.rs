// SPDX-License-Identifier: MIT OR Apache-2.0
//! The byte rings in a domain's xenstore and console pages, from either end.
//!
//! The other end is not trusted: indices are read once, and an impossible distance between them
//! is [`Corrupt`], never a slice out of range. Indices run free and are masked by the size.
use core::ops::Range;

use xen_abi::{console, xenstore};

use crate::ring::{Corrupt, RingMemory};

#[cfg(test)]
mod tests;

/// Where one ring lies in its page.
#[derive(Clone, Copy, Debug)]
pub struct ByteRing {
    data: usize,
    size: u32,
    cons: usize,
    prod: usize,
}

/// Requests of a domain to xenstored.
pub const STORE_REQUESTS: ByteRing = ByteRing {
    data: xenstore::REQ,
    size: 1024,
    cons: xenstore::REQ_CONS,
    prod: xenstore::REQ_PROD,
};
/// Answers and events from xenstored.
pub const STORE_RESPONSES: ByteRing = ByteRing {
    data: xenstore::RSP,
    size: 1024,
    cons: xenstore::RSP_CONS,
    prod: xenstore::RSP_PROD,
};
/// Input for a domain's console.
pub const CONSOLE_IN: ByteRing =
    ByteRing { data: console::IN, size: 1024, cons: console::IN_CONS, prod: console::IN_PROD };
/// What a domain prints.
pub const CONSOLE_OUT: ByteRing =
    ByteRing { data: console::OUT, size: 2048, cons: console::OUT_CONS, prod: console::OUT_PROD };
const _: () = assert!(xenstore::RING_SIZE == 1024);
const _: () = assert!(console::IN_SIZE == 1024 && console::OUT_SIZE == 2048);

impl ByteRing {
    /// Takes what fits into `into` out of the ring; returns how many bytes.
    ///
    /// # Errors
    /// [`Corrupt`] for impossible indices.
    pub fn take(self, page: &impl RingMemory, into: &mut [u8]) -> Result<usize, Corrupt> {
        let prod = page.load_u32(self.prod);
        let mut cons = page.load_u32(self.cons);
        let mut done = 0;
        loop {
            let piece = self.readable(prod, cons)?;
            let count = piece.len().min(into.len() - done);
            if count == 0 {
                break;
            }
            page.read(self.data + piece.start, &mut into[done..done + count]);
            done += count;
            cons = advance(cons, count);
        }
        if done > 0 {
            page.store_u32(self.cons, cons);
        }
        Ok(done)
    }

    /// Puts what has room of `from` into the ring; returns how many bytes.
    ///
    /// # Errors
    /// [`Corrupt`] for impossible indices.
    pub fn put(self, page: &impl RingMemory, from: &[u8]) -> Result<usize, Corrupt> {
        let cons = page.load_u32(self.cons);
        let mut prod = page.load_u32(self.prod);
        let mut done = 0;
        loop {
            let piece = self.writable(prod, cons)?;
            let count = piece.len().min(from.len() - done);
            if count == 0 {
                break;
            }
            page.write(self.data + piece.start, &from[done..done + count]);
            done += count;
            prod = advance(prod, count);
        }
        if done > 0 {
            page.store_u32(self.prod, prod);
        }
        Ok(done)
    }

    /// The bytes that wait to be taken.
    ///
    /// # Errors
    /// [`Corrupt`] for impossible indices.
    pub fn filled(self, page: &impl RingMemory) -> Result<u32, Corrupt> {
        self.distance(page.load_u32(self.prod), page.load_u32(self.cons))
    }

    /// Drops what waits to be taken.
    pub fn clear(self, page: &impl RingMemory) {
        page.store_u32(self.cons, page.load_u32(self.prod));
    }

    /// The bytes that can be read in one piece, as offsets into the data.
    fn readable(self, prod: u32, cons: u32) -> Result<Range<usize>, Corrupt> {
        let filled = self.distance(prod, cons)?;
        Ok(self.piece(cons, filled))
    }

    /// The room that can be written in one piece, as offsets into the data.
    fn writable(self, prod: u32, cons: u32) -> Result<Range<usize>, Corrupt> {
        let room = self.size - self.distance(prod, cons)?;
        Ok(self.piece(prod, room))
    }

    fn distance(self, prod: u32, cons: u32) -> Result<u32, Corrupt> {
        let filled = prod.wrapping_sub(cons);
        if filled > self.size { Err(Corrupt) } else { Ok(filled) }
    }

    fn piece(self, index: u32, count: u32) -> Range<usize> {
        let start = index & (self.size - 1);
        let end = start + count.min(self.size - start);
        start as usize..end as usize
    }
}

/// `count` is at most the size of a ring.
fn advance(index: u32, count: usize) -> u32 {
    index.wrapping_add(u32::try_from(count).unwrap_or(u32::MAX))
}
