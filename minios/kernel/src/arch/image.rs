// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the parts of our own image lie: the symbols of linker/minios.ld.
use core::ops::Range;

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

/// The table of symbol names, with its header; as long as the header says.
pub(crate) fn symbols() -> &'static [u8] {
    let start = &raw const SYMBOLS_START;
    // SAFETY: the section holds at least its 16-byte header (arch/entry.S) and is never written.
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
