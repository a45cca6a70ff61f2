// SPDX-License-Identifier: MIT OR Apache-2.0
//! The section headers of a finished image.
//!
//! A loader needs none, with one exception: old builders of domains find the section
//! `__xen_guest` by its name. An image that has it keeps that section, and no other.
use anyhow::Result;
use object::{Endianness, Object, ObjectSection, elf, pod};

use super::{finish::Linked, strip::set_u64};

const KEPT: &str = "__xen_guest";
/// Of the fields of the ELF header that tell where section headers are.
const SHOFF: usize = 40;
const SHNUM: usize = 60;

/// Replaces the section headers of `out`, the image without what follows its segments.
pub(super) fn rewrite(out: &mut Vec<u8>, image: &Linked<'_>) -> Result<()> {
    let Some(kept) = image.section_by_name(KEPT) else {
        set_u64(out, SHOFF, 0)?;
        out[SHNUM..SHNUM + 4].fill(0);
        return Ok(());
    };
    let contents_at = append(out, kept.data()?);
    let names = format!("\0{KEPT}\0.shstrtab\0");
    let names_at = append(out, names.as_bytes());
    let headers = [
        header(0, elf::SHT_NULL, 0, 0),
        header(1, elf::SHT_PROGBITS, contents_at, kept.data()?.len()),
        header(KEPT.len() + 2, elf::SHT_STRTAB, names_at, names.len()),
    ];
    let headers_at = append(out, pod::bytes_of_slice(&headers));
    set_u64(out, SHOFF, headers_at)?;
    // e_shnum and e_shstrndx, the index of the last header.
    out[SHNUM..SHNUM + 4].copy_from_slice(&[3, 0, 2, 0]);
    Ok(())
}

/// Appends `bytes` at a multiple of 8 and returns where.
fn append(out: &mut Vec<u8>, bytes: &[u8]) -> usize {
    out.resize(out.len().next_multiple_of(8), 0);
    let at = out.len();
    out.extend_from_slice(bytes);
    at
}

fn header(
    name: usize,
    kind: elf::SectionType,
    at: usize,
    len: usize,
) -> elf::SectionHeader64<Endianness> {
    let u32_of = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let u64_of = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
    const LE: Endianness = Endianness::Little;
    elf::SectionHeader64 {
        sh_name: object::U32::new(LE, u32_of(name)),
        sh_type: object::U32::new(LE, kind),
        sh_flags: object::U64::new(LE, elf::SectionFlags(0)),
        sh_addr: object::U64::new(LE, 0),
        sh_offset: object::U64::new(LE, u64_of(at)),
        sh_size: object::U64::new(LE, u64_of(len)),
        sh_link: object::U32::new(LE, 0),
        sh_info: object::U32::new(LE, 0),
        sh_addralign: object::U64::new(LE, 1),
        sh_entsize: object::U64::new(LE, 0),
    }
}
