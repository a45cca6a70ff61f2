// SPDX-License-Identifier: MIT OR Apache-2.0
//! The writer of the table, for the host.
use alloc::vec::Vec;

use crate::HEADER_BYTES;

/// A function of the image.
#[derive(Clone, Copy, Debug)]
pub struct Function<'a> {
    /// Its first address.
    pub start: u64,
    /// Its length in bytes; 0 where unknown: it then reaches to the next one.
    pub size: u64,
    /// Its readable name.
    pub name: &'a str,
}

/// Writes the table of `functions`, in any order.
///
/// Of several names for one address the first stays. Functions more than 4 GiB behind the first
/// are left out.
pub fn encode(functions: &[Function<'_>]) -> Vec<u8> {
    let mut sorted = functions.to_vec();
    sorted.sort_by_key(|function| function.start);
    sorted.dedup_by_key(|function| function.start);
    let base = sorted.first().map_or(0, |function| function.start);
    let (mut starts, mut name_ends, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let mut entry = |start: u64, name: &str| {
        let (Ok(start), Ok(end)) =
            (u32::try_from(start - base), u32::try_from(names.len() + name.len()))
        else {
            return;
        };
        names.extend_from_slice(name.as_bytes());
        starts.extend_from_slice(&start.to_le_bytes());
        name_ends.extend_from_slice(&end.to_le_bytes());
    };
    for (index, function) in sorted.iter().enumerate() {
        entry(function.start, function.name);
        let end = function.start.saturating_add(function.size);
        // Alignment leaves gaps that hold no code: only a wide one is worth an entry.
        let next = sorted.get(index + 1).map_or(u64::MAX, |next| next.start);
        if function.size > 0 && next.saturating_sub(end) > 64 {
            entry(end, "");
        }
    }
    let len = HEADER_BYTES + starts.len() + name_ends.len() + names.len();
    let count = starts.len() / 4;
    let mut table = Vec::with_capacity(len);
    table.extend_from_slice(&u32::try_from(len).unwrap_or(0).to_le_bytes());
    table.extend_from_slice(&u32::try_from(count).unwrap_or(0).to_le_bytes());
    table.extend_from_slice(&base.to_le_bytes());
    table.extend_from_slice(&starts);
    table.extend_from_slice(&name_ends);
    table.extend_from_slice(&names);
    table
}
