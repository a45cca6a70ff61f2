// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading what the domain builder tells a PVH guest: modules, command line, memory map.
//!
//! A builder that is wrong about its own tables gets an error with a name, and no read outside of
//! what it named.
use core::fmt;
use core::ops::Range;

use xen_abi::frame::{PAGE_SHIFT, PAGE_SIZE};
use xen_abi::hvm_start_info::{
    HVM_START_MAGIC, HVM_START_VERSION, HvmMemmapEntry, HvmModule, HvmStartInfo,
};
use xen_abi::memory::E820_RAM;
use xen_abi::start_info::MAX_CMDLINE;
use zerocopy::FromBytes;

use crate::page_ranges::PageRanges;

#[cfg(test)]
mod tests;

/// Entries of the memory map that are looked at.
const MAX_MAP: u32 = 128;
/// Modules that are looked at.
const MAX_MODULES: u32 = 16;
/// Memory from this page number on (512 GiB) is not used.
const MAX_PAGES: u64 = 1 << 27;

/// What the builder said, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootInfo<'a> {
    /// `SIF_*` bits.
    pub flags: u32,
    /// The command line, without its NUL; cut off where a PV guest's would be.
    pub command_line: &'a [u8],
    /// Physical addresses of the first module; empty if there is none. It lies in RAM.
    pub ramdisk: Range<u64>,
    /// All RAM.
    pub ram: PageRanges,
    /// RAM without page zero, the image and the modules.
    pub free: PageRanges,
    /// One behind the last page that the memory map names, RAM or not.
    pub map_end: u64,
}

impl BootInfo<'_> {
    /// Leaves out RAM that a domain of `pages` pages, those outside of RAM included, only has on
    /// paper: where it is populated on demand, the map goes up to what the domain may have once, and
    /// who touches more than it has ends.
    pub fn limit_ram(&mut self, pages: u64) {
        /// Pages of the domain that are no RAM, or count as given out, at most.
        const OTHERS: u64 = 64;
        if pages < self.ram.pages() {
            self.ram.truncate(pages.saturating_sub(OTHERS));
            self.free.remove(self.ram.end()..u64::MAX);
        }
    }
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// An address names no memory, or the image itself.
    BadAddress,
    /// The magic number is not there.
    BadMagic,
    /// There is no memory map: a builder before Xen 4.11.
    NoMemoryMap,
    /// A module does not lie in RAM, or lies over the image.
    BadModule,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadAddress => "an address in hvm_start_info names no memory",
            Self::BadMagic => "there is no hvm_start_info",
            Self::NoMemoryMap => "hvm_start_info has no memory map",
            Self::BadModule => "a module does not lie in the domain's memory",
        })
    }
}

/// Reads the struct at physical address `at`.
///
/// `image` is where our own image lies; `memory` gives the bytes at physical addresses, if there
/// are any. It is asked for nothing that overlaps the image.
///
/// # Errors
/// See [`Error`].
pub fn parse<'a>(
    at: u64,
    image: Range<u64>,
    memory: impl Fn(Range<u64>) -> Option<&'a [u8]>,
) -> Result<BootInfo<'a>, Error> {
    let reader = Reader { image, memory };
    let info: HvmStartInfo = reader.value(at, 0)?;
    if info.magic != HVM_START_MAGIC {
        return Err(Error::BadMagic);
    }
    if info.version < HVM_START_VERSION || info.memmap_entries == 0 {
        return Err(Error::NoMemoryMap);
    }
    let (ram, map_end) = reader.memory_map(&info)?;
    let mut free = ram.clone();
    free.remove(0..1);
    free.remove(pages_touched(&reader.image));
    let ramdisk = reader.modules(&info, &ram, &mut free)?;
    let command_line = reader.command_line(info.cmdline_paddr)?;
    Ok(BootInfo { flags: info.flags, command_line, ramdisk, ram, free, map_end })
}

struct Reader<M> {
    image: Range<u64>,
    memory: M,
}

impl<'a, M: Fn(Range<u64>) -> Option<&'a [u8]>> Reader<M> {
    fn bytes(&self, start: u64, len: u64) -> Result<&'a [u8], Error> {
        let end = start.checked_add(len).ok_or(Error::BadAddress)?;
        if start < self.image.end && self.image.start < end {
            return Err(Error::BadAddress);
        }
        (self.memory)(start..end).ok_or(Error::BadAddress)
    }

    /// Element `index` of the array at `start`.
    fn value<T: FromBytes>(&self, start: u64, index: u32) -> Result<T, Error> {
        let size = size_of::<T>() as u64;
        let at = start.checked_add(u64::from(index) * size).ok_or(Error::BadAddress)?;
        T::read_from_bytes(self.bytes(at, size)?).map_err(|_| Error::BadAddress)
    }

    /// RAM, and the end of all that the map names. What is RAM and something else is not RAM.
    fn memory_map(&self, info: &HvmStartInfo) -> Result<(PageRanges, u64), Error> {
        let mut ram = PageRanges::new();
        let mut map_end = 0;
        for is_ram in [true, false] {
            for index in 0..info.memmap_entries.min(MAX_MAP) {
                let entry: HvmMemmapEntry = self.value(info.memmap_paddr, index)?;
                let range = entry.addr..entry.addr.saturating_add(entry.size);
                map_end = map_end.max(pages_touched(&range).end);
                match (is_ram, entry.kind == E820_RAM) {
                    (true, true) => ram.add(pages_within(&range)),
                    (false, false) => ram.remove(pages_touched(&range)),
                    _ => {}
                }
            }
        }
        ram.remove(MAX_PAGES..u64::MAX);
        Ok((ram, map_end))
    }

    /// Takes the modules out of the free memory; gives the first one.
    fn modules(
        &self,
        info: &HvmStartInfo,
        ram: &PageRanges,
        free: &mut PageRanges,
    ) -> Result<Range<u64>, Error> {
        let mut first = 0..0;
        for index in 0..info.nr_modules.min(MAX_MODULES) {
            let module: HvmModule = self.value(info.modlist_paddr, index)?;
            let end = module.paddr.checked_add(module.size).ok_or(Error::BadModule)?;
            let range = module.paddr..end;
            let over_image = range.start < self.image.end && self.image.start < range.end;
            if range.start == 0 || over_image || !ram.contains(&pages_touched(&range)) {
                return Err(Error::BadModule);
            }
            free.remove(pages_touched(&range));
            if index == 0 {
                first = range;
            }
        }
        Ok(first)
    }

    fn command_line(&self, start: u64) -> Result<&'a [u8], Error> {
        if start == 0 {
            return Ok(&[]);
        }
        let mut len = 0;
        while len < MAX_CMDLINE as u64 - 1 && self.value::<u8>(start.saturating_add(len), 0)? != 0 {
            len += 1;
        }
        self.bytes(start, len)
    }
}

/// The pages that lie in a range of bytes as a whole.
fn pages_within(bytes: &Range<u64>) -> Range<u64> {
    bytes.start.div_ceil(PAGE_SIZE as u64)..bytes.end >> PAGE_SHIFT
}

/// The pages of which a range of bytes has any.
fn pages_touched(bytes: &Range<u64>) -> Range<u64> {
    if bytes.is_empty() {
        return 0..0;
    }
    bytes.start >> PAGE_SHIFT..bytes.end.div_ceil(PAGE_SIZE as u64)
}
