// SPDX-License-Identifier: MIT OR Apache-2.0
//! The instruction that made a guest leave: its bytes, its length, and stepping over it.
use hv_core::hvm::instruction::Known;
use hv_core::instruction_bytes::{CodeSize, MAX_LENGTH, SegmentRegister};
use xen_abi::trap::VECTOR_DB;

use super::control_block::Segment;
use super::exit::Refused;
use super::memory;
use crate::vcpu::Vcpu;

/// Flag: a #DB follows each instruction.
const TRAP: u64 = 1 << 8;
/// DR6: the #DB is for that.
const SINGLE_STEP: u64 = 1 << 14;

/// What is at rip.
pub struct Fetched {
    /// The bytes, as far as they can be read; then 0.
    pub bytes: [u8; MAX_LENGTH],
    /// The size of the code.
    pub size: CodeSize,
}

/// Reads the instruction at rip.
pub fn fetch(vcpu: &Vcpu) -> Fetched {
    let (size, base) = code(vcpu);
    Fetched { bytes: read(vcpu, base), size }
}

/// The size of the code that runs, and where its segment begins.
fn code(vcpu: &Vcpu) -> (CodeSize, u64) {
    let block = vcpu.hvm.block();
    if block.is_64_bit() {
        return (CodeSize::Bits64, 0);
    }
    let Segment { attributes, base, .. } = block.segment(SegmentRegister::Cs);
    let is_wide = attributes & Segment::WIDE != 0;
    (if is_wide { CodeSize::Bits32 } else { CodeSize::Bits16 }, base)
}

fn read(vcpu: &Vcpu, base: u64) -> [u8; MAX_LENGTH] {
    const PAGE: u64 = 4096;
    let at = vcpu.regs.rip.get().wrapping_add(base);
    let mut bytes = [0; MAX_LENGTH];
    // SAFETY: the array has room for all.
    if unsafe { memory::copy_in(vcpu, bytes.as_mut_ptr(), at, MAX_LENGTH) } {
        return bytes;
    }
    let in_page = usize::try_from(PAGE - at % PAGE).map_or(MAX_LENGTH, |left| left.min(MAX_LENGTH));
    // SAFETY: no more than the array has room for. What cannot be read stays 0.
    unsafe { memory::copy_in(vcpu, bytes.as_mut_ptr(), at, in_page) };
    bytes
}

/// The length of the instruction, as the processor says or by decoding it.
pub fn length(vcpu: &Vcpu, known: Known) -> Result<u8, Refused> {
    let said = vcpu.hvm.block().instruction_length();
    said.or_else(|| {
        let Fetched { bytes, size } = fetch(vcpu);
        known.length(&bytes, size)
    })
    .ok_or(Refused)
}

/// Continues behind an instruction of `length` bytes.
pub fn advance(vcpu: &Vcpu, length: u8) {
    go_to(vcpu, vcpu.regs.rip.get().wrapping_add(u64::from(length)));
}

/// Continues at `rip`: interrupts are no longer held back by the instruction before, and a guest that
/// goes step by step has done one.
pub fn go_to(vcpu: &Vcpu, rip: u64) {
    let block = vcpu.hvm.block();
    let mask = if block.is_64_bit() { u64::MAX } else { 0xffff_ffff };
    vcpu.regs.rip.set(rip & mask);
    block.clear_interrupt_shadow();
    if vcpu.regs.rflags.get() & TRAP != 0 {
        let [dr6, dr7] = block.debug();
        block.set_debug([dr6 | SINGLE_STEP, dr7]);
        block.inject(VECTOR_DB, None);
    }
}
