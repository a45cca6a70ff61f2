// SPDX-License-Identifier: MIT OR Apache-2.0
//! Accesses to control and debug registers that made a guest leave.
use hv_core::emulate::{Decoded, Instruction};
use hv_core::hvm::control::cr4_allowed;
use hv_core::hvm::paging::{CR0_PG, CR4_PAE, EFER_LMA, Paging};

use super::exit::Refused;
use super::instruction::advance;
use crate::debugreg;
use crate::emulate::cpuid;
use crate::vcpu::Vcpu;

/// Executes the instruction.
pub fn access(vcpu: &Vcpu, decoded: Option<Decoded>) -> Result<(), Refused> {
    let decoded = decoded.ok_or(Refused)?;
    let general = |number| vcpu.regs.general(number);
    let [dr6, dr7] = vcpu.hvm.block().debug();
    match decoded.instruction {
        Instruction::WriteControl { number: 4, register } => {
            write_cr4(vcpu, general(register).get())?;
        }
        Instruction::ReadDebug { number: 4 | 6, register } => general(register).set(dr6),
        Instruction::ReadDebug { number: 5 | 7, register } => general(register).set(dr7),
        Instruction::ReadDebug { number, register } => {
            let value = debugreg::read(vcpu, number).map_err(|_| Refused)?;
            general(register).set(value);
        }
        Instruction::WriteDebug { number, register } => {
            debugreg::write_hvm(vcpu, number, general(register).get()).ok_or(Refused)?;
        }
        _ => return Err(Refused),
    }
    advance(vcpu, decoded.length);
    Ok(())
}

fn write_cr4(vcpu: &Vcpu, value: u64) -> Result<(), Refused> {
    let block = vcpu.hvm.block();
    let paging = block.paging();
    let allowed = cr4_allowed(&cpuid::leaf(vcpu, 1), &cpuid::leaf(vcpu, 7));
    let is_long = paging.cr0 & CR0_PG != 0 && paging.efer & EFER_LMA != 0;
    if value & !allowed != 0 || is_long && value & CR4_PAE == 0 {
        return Err(Refused);
    }
    block.set_paging(&Paging { cr4: value, ..paging });
    // Some of its bits change what translations mean.
    vcpu.hvm.forget_translations();
    Ok(())
}
