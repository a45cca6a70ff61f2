// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the parts of our own image lie: the symbols of linker/minios.ld and of the assembly.
use core::ops::Range;

use xen_abi::frame::PAGE_SIZE;

macro_rules! symbols {
    ($($(#[$doc:meta])* $name:ident = $symbol:literal;)*) => {
        unsafe extern "C" { $(#[link_name = $symbol] static $name: u8;)* }
    };
}

symbols! {
    TEXT_START = "__text_start";
    TEXT_END = "__text_end";
    RODATA_START = "__rodata_start";
    RODATA_END = "__rodata_end";
    STACK_GUARD = "__stack_guard";
    STACK_BOTTOM = "__stack_bottom";
    STACK_TOP = "__stack_top";
    SYMBOLS_START = "__symbols_start";
    PVH_TABLES = "minios_pvh_tables";
}

/// All of it.
pub(crate) fn bytes() -> Range<u64> {
    text().start..symbols().as_ptr_range().end.addr() as u64
}

/// Code, with the hypercall page.
pub(crate) fn text() -> Range<u64> {
    address(&raw const TEXT_START)..address(&raw const TEXT_END)
}

/// Constants.
pub(crate) fn rodata() -> Range<u64> {
    address(&raw const RODATA_START)..address(&raw const RODATA_END)
}

/// The page below the stack that nothing may touch.
pub(crate) fn stack_guard() -> u64 {
    address(&raw const STACK_GUARD)
}

/// The stack.
pub(crate) fn stack() -> Range<u64> {
    address(&raw const STACK_BOTTOM)..address(&raw const STACK_TOP)
}

/// The page tables that a PVH guest has until its memory is known; any guest may use them for
/// something else afterwards.
pub(crate) fn pvh_tables() -> Range<u64> {
    /// arch/pvh/entry.S.
    const BYTES: u64 = 6 * PAGE_SIZE as u64;
    address(&raw const PVH_TABLES)..address(&raw const PVH_TABLES) + BYTES
}

/// The table of symbol names, with its header; as long as the header says.
pub(crate) fn symbols() -> &'static [u8] {
    let start = &raw const SYMBOLS_START;
    // SAFETY: the section holds at least its 16-byte header (arch/image.S) and is never written.
    let header = unsafe { core::slice::from_raw_parts(start, SYMBOLS_HEADER) };
    let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
    let length = length.max(SYMBOLS_HEADER);
    // SAFETY: the header, written together with the table, says how long the section is.
    unsafe { core::slice::from_raw_parts(start, length) }
}

/// Bytes that the section has at least.
const SYMBOLS_HEADER: usize = 16;

fn address(symbol: *const u8) -> u64 {
    symbol.addr() as u64
}
