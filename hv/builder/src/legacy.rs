// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `__xen_guest` section: what images carried before there were notes, `KEY=value,...`.
use crate::ImageError;
use crate::notes::{Notes, requires_unsupported};
use elf::ElfBytes;
use elf::endian::LittleEndian;
use xen_abi::elf_note::XEN_VERSION;
use xen_abi::frame::PAGE_SHIFT;

/// Reads the section; `None` where there is none.
pub(crate) fn read(file: &ElfBytes<'_, LittleEndian>) -> Result<Option<Notes>, ImageError> {
    let Ok(Some(header)) = file.section_header_by_name("__xen_guest") else { return Ok(None) };
    let (bytes, _) = file.section_data(&header).map_err(|_| ImageError::Truncated)?;
    let text = bytes.split(|&b| b == 0).next().unwrap_or_default();
    let text = core::str::from_utf8(text).map_err(|_| ImageError::NoXenNote)?;
    let mut notes = Notes::default();
    let mut page = None;
    for (key, value) in text.split(',').filter_map(|pair| pair.split_once('=')) {
        match key.trim() {
            "VIRT_BASE" => notes.virt_base = number(value),
            "VIRT_ENTRY" => notes.entry = number(value),
            "INIT_P2M" => notes.p2m_base = number(value),
            "MOD_START_PFN" => notes.unmapped_ramdisk = value == "1",
            "ELF_PADDR_OFFSET" => notes.paddr_offset = number(value),
            // The page's number, counted from VIRT_BASE.
            "HYPERCALL_PAGE" => page = number(value),
            "XEN_VER" => notes.version_fits = Some(value == XEN_VERSION),
            "FEATURES" => notes.unsupported = requires_unsupported(value.as_bytes()),
            _ => {}
        }
    }
    notes.hypercall_page = page
        .and_then(|page| page.checked_mul(1 << PAGE_SHIFT))
        .and_then(|offset| offset.checked_add(notes.virt_base.unwrap_or(0)));
    Ok(Some(notes))
}

fn number(value: &str) -> Option<u64> {
    let value = value.trim();
    match value.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => value.parse().ok(),
    }
}
