// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing the planned domain into its memory.
use xen_abi::frame::{PAGE_SHIFT, PAGE_SIZE, Pfn};
use xen_abi::hvm_start_info::{
    HVM_START_MAGIC, HVM_START_VERSION, HvmMemmapEntry, HvmModule, HvmStartInfo,
};
use zerocopy::IntoBytes;

use super::layout::{ACPI, MAX_MAP};
use super::{PvhImage, PvhLayout};
use crate::populate::write_zeros;
use crate::{BuildError, DomainMemory, ImageError};

/// Offsets in the page with the start info.
const MODULES: usize = 64;
const MEMORY_MAP: usize = MODULES + size_of::<HvmModule>();
const COMMAND_LINE: usize = MEMORY_MAP + MAX_MAP * size_of::<HvmMemmapEntry>();
/// Bytes of a command line at most.
const COMMAND_LINE_MAX: usize = 1023;

const _: () = assert!(COMMAND_LINE + COMMAND_LINE_MAX < PAGE_SIZE);
const _: () = assert!(size_of::<HvmStartInfo>() <= MODULES);

/// Writes kernel, ramdisk and start info; `memory` has the domain's pages by their frame numbers.
/// Returns the physical address of the start info.
///
/// # Errors
/// [`BuildError::CommandLineTooLong`], or what [`DomainMemory::write`] said.
pub fn populate<M: DomainMemory>(
    image: &PvhImage<'_>,
    layout: &PvhLayout,
    ramdisk: &[u8],
    command_line: &str,
    memory: &mut M,
) -> Result<u64, BuildError<M::Error>> {
    if command_line.len() > COMMAND_LINE_MAX {
        return Err(BuildError::CommandLineTooLong);
    }
    for segment in image.segments() {
        // The image was checked when it was parsed.
        let segment = segment.map_err(|_: ImageError| BuildError::BadAddresses)?;
        memory.write(Pfn::new(0), segment.offset, segment.bytes).map_err(BuildError::Memory)?;
        let end = segment.offset.saturating_add(segment.bytes.len() as u64);
        write_zeros(end, segment.zeros, memory)?;
    }
    memory.write(Pfn::new(layout.ramdisk.start), 0, ramdisk).map_err(BuildError::Memory)?;
    let at = layout.start_info.get() << PAGE_SHIFT;
    write_zeros(at, PAGE_SIZE as u64, memory)?;
    let map = layout.memory_map();
    let has_ramdisk = layout.ramdisk_bytes > 0;
    let address = |offset: usize| at.wrapping_add(offset as u64);
    let info = HvmStartInfo {
        magic: HVM_START_MAGIC,
        version: HVM_START_VERSION,
        nr_modules: u32::from(has_ramdisk),
        modlist_paddr: if has_ramdisk { address(MODULES) } else { 0 },
        cmdline_paddr: address(COMMAND_LINE),
        rsdp_paddr: ACPI.get() << PAGE_SHIFT,
        memmap_paddr: address(MEMORY_MAP),
        memmap_entries: u32::try_from(map.len()).unwrap_or(0),
        ..HvmStartInfo::default()
    };
    let module = HvmModule {
        paddr: layout.ramdisk.start << PAGE_SHIFT,
        size: layout.ramdisk_bytes,
        ..HvmModule::default()
    };
    let mut write = |offset: usize, bytes: &[u8]| {
        memory.write(layout.start_info, offset as u64, bytes).map_err(BuildError::Memory)
    };
    write(0, info.as_bytes())?;
    write(MODULES, module.as_bytes())?;
    let mut offset = MEMORY_MAP;
    for part in &map {
        let entry =
            HvmMemmapEntry { addr: part.addr, size: part.size, kind: part.kind, reserved: 0 };
        write(offset, entry.as_bytes())?;
        offset = offset.wrapping_add(size_of::<HvmMemmapEntry>());
    }
    // The page is zero behind it, which ends it.
    write(COMMAND_LINE, command_line.as_bytes())?;
    Ok(at)
}
