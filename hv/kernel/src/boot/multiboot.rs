// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the information of a multiboot loader, version 1 or 2.
use core::ffi::CStr;

use multiboot2::{BootInformation, BootInformationHeader};
use xen_abi::frame::Maddr;

use super::info::{BootInfo, Region, command_line};
use crate::memory::direct_map;

const MAGIC1: u32 = 0x2bad_b002;
const MAGIC2: u32 = 0x36d7_6289;

/// Copies what the loader left at machine address `address`; `magic` tells its format.
pub fn read(magic: u32, address: u32) -> BootInfo {
    match magic {
        MAGIC1 => read1(address),
        MAGIC2 => read2(address),
        _ => panic!("the loader speaks neither multiboot 1 nor 2 (magic {magic:#x})"),
    }
}

/// A word of the loader's data.
fn word(address: u32) -> u32 {
    let pointer: *const u32 = direct_map::pointer(Maddr::new(u64::from(address)));
    // SAFETY: the boot tables map the first 4 GiB, and the loader's data lies there.
    unsafe { pointer.read_unaligned() }
}

fn text(address: u32) -> &'static str {
    let pointer = direct_map::pointer(Maddr::new(u64::from(address)));
    // SAFETY: the loader ends its strings with NUL, and nobody has overwritten them yet.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().unwrap_or("")
}

/// What follows the file name that QEMU puts in front; GRUB puts none.
fn without_name(is_qemu: bool, text: &str) -> &str {
    if !is_qemu {
        return text.trim();
    }
    text.trim_start().split_once(' ').map_or("", |(_, rest)| rest.trim())
}

fn read1(at: u32) -> BootInfo {
    const COMMAND_LINE: u32 = 1 << 2;
    const MODULES: u32 = 1 << 3;
    const MEMORY_MAP: u32 = 1 << 6;
    const LOADER_NAME: u32 = 1 << 9;
    let mut info = BootInfo::default();
    let flags = word(at);
    let is_qemu = flags & LOADER_NAME != 0 && text(word(at + 64)) == "qemu";
    let words = |at| without_name(is_qemu, text(at));
    if flags & COMMAND_LINE != 0 {
        info.command_line = command_line(words(word(at + 16)));
    }
    if flags & MODULES != 0 {
        let (count, list) = (word(at + 20), word(at + 24));
        for entry in (0..count).map(|index| list + index * 16) {
            let (start, end) = (u64::from(word(entry)), u64::from(word(entry + 4)));
            info.add_module(start, end, words(word(entry + 8)));
        }
    }
    assert!(flags & MEMORY_MAP != 0, "the loader gave no memory map");
    let (length, start) = (word(at + 44), word(at + 48));
    let mut entry = start;
    while entry < start + length {
        let pair = |low: u32| u64::from(word(low)) | u64::from(word(low + 4)) << 32;
        let region =
            Region { start: pair(entry + 4), bytes: pair(entry + 12), kind: word(entry + 20) };
        info.add_region(region);
        entry += word(entry) + 4;
    }
    info
}

fn read2(at: u32) -> BootInfo {
    let pointer: *const BootInformationHeader = direct_map::pointer(Maddr::new(u64::from(at)));
    // SAFETY: the loader's structure is where it says, mapped, and not overwritten yet.
    let loaded = unsafe { BootInformation::load(pointer) };
    let loaded = loaded.expect("the loader's multiboot2 information is damaged");
    let mut info = BootInfo::default();
    if let Some(tag) = loaded.command_line_tag() {
        info.command_line = command_line(tag.cmdline().unwrap_or(""));
    }
    for module in loaded.module_tags() {
        let (start, end) = (u64::from(module.start_address()), u64::from(module.end_address()));
        info.add_module(start, end, module.cmdline().unwrap_or("").trim());
    }
    let map = loaded.memory_map_tag().expect("the loader gave no memory map");
    for area in map.memory_areas() {
        let kind = u32::from(area.typ());
        info.add_region(Region { start: area.start_address(), bytes: area.size(), kind });
    }
    info
}
