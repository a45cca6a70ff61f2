// SPDX-License-Identifier: MIT OR Apache-2.0
//! No code may use the red zone, the 128 bytes below the stack pointer.
//!
//! A trap in ring 0 pushes its frame there, and so does an upcall of the hypervisor on a guest's
//! stack. `-Cno-redzone` keeps our code from it; this check is for the prebuilt `core` and
//! `alloc`, which were compiled without.
use anyhow::{Result, bail};
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, Register};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

use super::finish::Linked;

/// Fails where a function of the image reads or writes below the stack pointer.
pub(super) fn check(image: &Linked<'_>) -> Result<()> {
    for function in image.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
        let Some(section) =
            function.section_index().and_then(|index| image.section_by_index(index).ok())
        else {
            continue;
        };
        let (start, size) = (function.address(), function.size());
        let Some(code) = section.data_range(start, size)? else { continue };
        if let Some(address) = first_use(code, start) {
            let name = rustc_demangle::demangle(function.name().unwrap_or("?"));
            bail!("{name:#} uses the red zone at {address:#x}: it was built without -Cno-redzone");
        }
    }
    Ok(())
}

/// Address of the first instruction in `code` that uses memory below the stack pointer.
fn first_use(code: &[u8], start: u64) -> Option<u64> {
    let decoder = Decoder::with_ip(64, code, start, DecoderOptions::NONE);
    decoder.into_iter().find(uses_red_zone).map(|instruction| instruction.ip())
}

fn uses_red_zone(instruction: &Instruction) -> bool {
    instruction.memory_base() == Register::RSP
        && instruction.memory_displacement64().cast_signed() < 0
        && instruction.mnemonic() != Mnemonic::Lea
}

#[cfg(test)]
mod tests {
    use super::first_use;

    #[test]
    fn finds_a_store_below_the_stack_pointer() {
        // nop; mov [rsp - 8], rax
        assert_eq!(first_use(&[0x90, 0x48, 0x89, 0x44, 0x24, 0xf8], 0x1000), Some(0x1001));
        // movups [rsp - 0x88], xmm0
        assert!(first_use(&[0x0f, 0x11, 0x84, 0x24, 0x78, 0xff, 0xff, 0xff], 0).is_some());
    }

    #[test]
    fn leaves_the_stack_above_alone() {
        // mov [rsp + 8], rax; lea rsp, [rsp - 8]; push rax; mov [rbp - 8], rax
        let code =
            [0x48, 0x89, 0x44, 0x24, 8, 0x48, 0x8d, 0x64, 0x24, 0xf8, 0x50, 0x48, 0x89, 0x45, 0xf8];
        assert_eq!(first_use(&code, 0), None);
    }
}
