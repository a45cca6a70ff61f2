// SPDX-License-Identifier: MIT OR Apache-2.0
//! A compact table of symbol names, made after linking, read by backtraces.
//!
//! All numbers are little endian. `N` is the number of entries:
//!
//! | offset | what |
//! |---|---|
//! | 0 | `u32`: bytes of the whole table, this header included; 0 means that there is none |
//! | 4 | `u32`: `N` |
//! | 8 | `u64`: base address |
//! | 16 | `N` times `u32`: first address of a function, relative to the base, ascending |
//! | 16 + 4 `N` | `N` times `u32`: where its name ends, relative to the first name |
//! | 16 + 8 `N` | the names, UTF-8, in the order of the entries, nothing between them |
//!
//! An entry without a name ends the function before it. The reader trusts none of this: a table
//! that is damaged yields no name, or a wrong one, but never a panic, because it runs in panic
//! handlers.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "encode")]
extern crate alloc;

#[cfg(feature = "encode")]
mod encode;
#[cfg(feature = "encode")]
pub use encode::{Function, encode};
#[cfg(test)]
mod tests;

/// Bytes in front of the entries. A reader that has only the start of a table needs this many
/// to learn its length.
pub const HEADER_BYTES: usize = 16;

/// A table, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    base: u64,
    starts: &'a [[u8; 4]],
    name_ends: &'a [[u8; 4]],
    names: &'a [u8],
}

impl<'a> Table<'a> {
    /// Reads the table at the start of `bytes`, which may go on behind it.
    ///
    /// `None` where the header is incomplete, empty, or claims more than there is.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        let rest = rest.get(..len.checked_sub(4)?)?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (base, rest) = rest.split_first_chunk::<8>()?;
        let (starts, rest) = rest.split_at_checked(count.checked_mul(4)?)?;
        let (name_ends, names) = rest.split_at_checked(count.checked_mul(4)?)?;
        Some(Self {
            base: u64::from_le_bytes(*base),
            starts: starts.as_chunks().0,
            name_ends: name_ends.as_chunks().0,
            names,
        })
    }

    /// The function that holds `address`, and how far into it the address is, in bytes.
    pub fn lookup(&self, address: u64) -> Option<(&'a str, u64)> {
        let offset = u32::try_from(address.checked_sub(self.base)?).ok()?;
        let behind = self.starts.partition_point(|start| u32::from_le_bytes(*start) <= offset);
        let index = behind.checked_sub(1)?;
        let into = offset.checked_sub(u32::from_le_bytes(*self.starts.get(index)?))?;
        let name = self.name(index).filter(|name| !name.is_empty())?;
        Some((name, u64::from(into)))
    }

    fn name(&self, index: usize) -> Option<&'a str> {
        let start = match index.checked_sub(1) {
            Some(before) => self.name_end(before)?,
            None => 0,
        };
        core::str::from_utf8(self.names.get(start..self.name_end(index)?)?).ok()
    }

    fn name_end(&self, index: usize) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(*self.name_ends.get(index)?)).ok()
    }
}
