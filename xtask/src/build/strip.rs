// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cuts debug information off an image and puts the symbol table in.
//!
//! The linker scripts make `.symbols` the last segment in the file, with room behind it in memory,
//! so it may grow without anything else having to move.
use anyhow::{Context, Result, bail};
use object::{Endianness, Object, ObjectSection, elf, read::elf::ProgramHeader};

use super::{finish::Linked, section_headers};

const LE: Endianness = Endianness::Little;

/// Returns the image `bytes` with `table` as contents of its section `.symbols` (where it has
/// one), without what no segment holds.
pub(super) fn strip(bytes: &[u8], image: &Linked<'_>, table: &[u8]) -> Result<Vec<u8>> {
    let loads: Vec<Load> = loads(image);
    let symbols_at = image.section_by_name(".symbols").map(|section| section.address());
    let symbols = symbols_at.and_then(|at| loads.iter().find(|load| load.virtual_address == at));
    let file_end = match symbols {
        Some(last) => {
            if loads.iter().any(|load| load.is_in_the_way(last, table.len())) {
                bail!("its linker script leaves too little room for .symbols");
            }
            last.file_offset
        }
        None => loads.iter().map(|load| load.file_offset + load.file_bytes).max().unwrap_or(0),
    };
    let mut out = bytes.get(..file_end).context("it is cut short")?.to_vec();
    if let Some(last) = symbols {
        out.extend_from_slice(table);
        set_u64(&mut out, last.header + 32, table.len())?;
        set_u64(&mut out, last.header + 40, table.len())?;
        multiboot_end(&mut out, last.physical_address + table.len());
    }
    section_headers::rewrite(&mut out, image)?;
    Ok(out)
}

/// A segment that is loaded. Its size in memory does not matter here.
struct Load {
    header: usize,
    file_offset: usize,
    file_bytes: usize,
    virtual_address: u64,
    physical_address: usize,
}

impl Load {
    /// Whether `other` cannot grow to `bytes`, in the file or in memory.
    fn is_in_the_way(&self, other: &Load, bytes: usize) -> bool {
        let distance = self.physical_address.checked_sub(other.physical_address);
        self.file_bytes > 0 && self.file_offset > other.file_offset
            || distance.is_some_and(|distance| distance > 0 && distance < bytes)
    }
}

fn loads(image: &Linked<'_>) -> Vec<Load> {
    let headers = usize_of(image.elf_header().e_phoff.get(LE));
    let segments = image.elf_program_headers().iter().enumerate();
    segments
        .filter(|(_, segment)| segment.p_type(LE) == elf::PT_LOAD)
        .map(|(index, segment)| Load {
            header: headers + index * size_of::<elf::ProgramHeader64<Endianness>>(),
            file_offset: usize_of(segment.p_offset(LE)),
            file_bytes: usize_of(segment.p_filesz(LE)),
            virtual_address: segment.p_vaddr(LE),
            physical_address: usize_of(segment.p_paddr(LE)),
        })
        .collect()
}

/// Where a multiboot1 header says where the image ends, moves that behind the symbol table.
fn multiboot_end(image: &mut [u8], end: usize) {
    const MAGIC: u32 = 0x1bad_b002;
    const HAS_ADDRESSES: u32 = 1 << 16;
    // The header is in the first 8 KiB, and is the magic number, flags, and the sum's complement.
    let head = image.get(..8192.min(image.len())).unwrap_or_default();
    let Some(header) = (0..head.len()).step_by(4).find(|at| {
        u32_at(head, *at) == Some(MAGIC)
            && u32_at(head, at + 4).is_some_and(|flags| {
                flags & HAS_ADDRESSES != 0
                    && u32_at(head, at + 8) == Some(0_u32.wrapping_sub(MAGIC).wrapping_sub(flags))
            })
    }) else {
        return;
    };
    let Ok(end) = u32::try_from(end) else { return };
    for field in [header + 20, header + 24] {
        // 0 means: to the end of the file, and: no bss.
        if u32_at(image, field).is_some_and(|old| old != 0 && old < end) {
            image[field..field + 4].copy_from_slice(&end.to_le_bytes());
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn set_u64(bytes: &mut [u8], at: usize, value: usize) -> Result<()> {
    let field = bytes.get_mut(at..at + 8).context("a header is cut short")?;
    field.copy_from_slice(&u64::try_from(value)?.to_le_bytes());
    Ok(())
}

fn usize_of(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
