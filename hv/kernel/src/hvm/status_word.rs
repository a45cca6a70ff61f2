// SPDX-License-Identifier: MIT OR Apache-2.0
//! `smsw` and `lmsw` of a PVH guest.
use hv_core::hvm::control::with_status_word;
use hv_core::hvm::operand::Operand;
use hv_core::hvm::paging::Access;
use hv_core::hvm::status_word::{Place, StatusWord, stored};

use super::exit::Refused;
use super::instruction::advance;
use super::segment::{Fault, bounds};
use super::{control_register, memory};
use crate::vcpu::Vcpu;

/// Bytes of an operand in memory.
const BYTES: usize = 2;
/// User-mode instruction prevention.
const CR4_UMIP: u64 = 1 << 11;

/// Executes either instruction.
pub fn execute(vcpu: &Vcpu, decoded: StatusWord) -> Result<(), Refused> {
    let block = vcpu.hvm.block();
    let paging = block.paging();
    let is_privileged = decoded.is_load || paging.cr4 & CR4_UMIP != 0;
    if is_privileged && block.cpl() != 0 {
        return Err(Refused);
    }
    if decoded.is_load {
        return match read(vcpu, &decoded) {
            Ok(word) => load(vcpu, word, decoded.length),
            Err(fault) => fault.deliver(block),
        };
    }
    match write(vcpu, &decoded, paging.cr0) {
        Ok(()) => advance(vcpu, decoded.length),
        Err(fault) => return fault.deliver(block),
    }
    Ok(())
}

/// Executes `lmsw`, whose operand is `word`.
pub fn load(vcpu: &Vcpu, word: u16, length: u8) -> Result<(), Refused> {
    let value = with_status_word(vcpu.hvm.block().paging().cr0, word);
    control_register::write(vcpu, 0, value).ok_or(Refused)?;
    advance(vcpu, length);
    Ok(())
}

fn read(vcpu: &Vcpu, decoded: &StatusWord) -> Result<u16, Fault> {
    let mut word = [0; BYTES];
    match decoded.place {
        Place::Register(number, _) => {
            [word[0], word[1], ..] = vcpu.regs.general(number).get().to_le_bytes();
        }
        Place::Memory(operand) => {
            let at = reach(vcpu, operand, Access::Read, decoded.length)?;
            // SAFETY: the array has room for all.
            unsafe { memory::copy_in(vcpu, word.as_mut_ptr(), at, BYTES) };
        }
    }
    Ok(u16::from_le_bytes(word))
}

fn write(vcpu: &Vcpu, decoded: &StatusWord, cr0: u64) -> Result<(), Fault> {
    match decoded.place {
        Place::Register(number, bytes) => {
            let register = vcpu.regs.general(number);
            register.set(stored(register.get(), cr0, bytes));
        }
        Place::Memory(operand) => {
            let at = reach(vcpu, operand, Access::Write, decoded.length)?;
            // SAFETY: the array has as many.
            unsafe { memory::copy_out(vcpu, at, cr0.to_le_bytes().as_ptr(), BYTES) };
        }
    }
    Ok(())
}

/// The linear address of an operand that can be accessed.
fn reach(vcpu: &Vcpu, operand: Operand, access: Access, length: u8) -> Result<u64, Fault> {
    let segment = operand.segment;
    let next_rip = vcpu.regs.rip.get().wrapping_add(u64::from(length));
    let offset = operand.offset(next_rip, |number| vcpu.regs.general(number).get());
    let (bounds, is_write) = (bounds(vcpu, segment), access == Access::Write);
    let linear = operand.linear(&bounds, offset, BYTES as u64, is_write);
    let linear = linear.ok_or_else(|| Fault::of(segment))?;
    memory::visit(vcpu, linear, BYTES as u64, access, None)?;
    Ok(linear)
}
