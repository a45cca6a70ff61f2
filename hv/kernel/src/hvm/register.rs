// SPDX-License-Identifier: MIT OR Apache-2.0
//! Accesses to control and debug registers that made a guest leave.
use hv_core::emulate::{Decoded, Instruction};
use xen_abi::trap::{VECTOR_DB, VECTOR_UD};

use super::control_register;
use super::exit::Refused;
use super::instruction::advance;
use crate::arch::control::CR4_DE;
use crate::debugreg;
use crate::vcpu::Vcpu;

/// Executes the instruction.
pub fn access(vcpu: &Vcpu, decoded: Option<Decoded>) -> Result<(), Refused> {
    let Decoded { instruction, length } = decoded.ok_or(Refused)?;
    let block = vcpu.hvm.block();
    // VT-x hands it over before it looks at the privilege level.
    if block.cpl() != 0 {
        return Err(Refused);
    }
    let mask = if block.is_64_bit() { u64::MAX } else { 0xffff_ffff };
    let value = |register| vcpu.regs.general(register).get() & mask;
    match instruction {
        Instruction::ReadControl { number, register } => {
            let value = control_register::read(vcpu, number).ok_or(Refused)?;
            vcpu.regs.general(register).set(value);
        }
        Instruction::WriteControl { number, register } => {
            control_register::write(vcpu, number, value(register)).ok_or(Refused)?;
        }
        Instruction::ClearTaskSwitched => control_register::clear_task_switched(vcpu),
        Instruction::ReadDebug { number, .. } | Instruction::WriteDebug { number, .. }
            if refuse_debug(vcpu, number) =>
        {
            return Ok(());
        }
        Instruction::ReadDebug { number, register } => {
            vcpu.regs.general(register).set(read_debug(vcpu, number)?);
        }
        Instruction::WriteDebug { number, register } => {
            debugreg::write_hvm(vcpu, number, value(register)).ok_or(Refused)?;
        }
        _ => return Err(Refused),
    }
    advance(vcpu, length);
    Ok(())
}

/// The exceptions of an access to debug register `number`, which VT-x does not look for either: 4 and
/// 5 do not exist with debug extensions, and the guest may have asked for a #DB (Intel SDM volume 3,
/// 18.2.2 and 18.2.4).
fn refuse_debug(vcpu: &Vcpu, number: u8) -> bool {
    const GENERAL_DETECT: u64 = 1 << 13;
    let block = vcpu.hvm.block();
    let [dr6, dr7] = block.debug();
    if matches!(number, 4 | 5) && block.paging().cr4 & CR4_DE != 0 {
        block.inject(VECTOR_UD, None);
        return true;
    }
    let is_asked_for = dr7 & GENERAL_DETECT != 0;
    if is_asked_for {
        block.set_debug([dr6 | GENERAL_DETECT, dr7 & !GENERAL_DETECT]);
        block.inject(VECTOR_DB, None);
    }
    is_asked_for
}

fn read_debug(vcpu: &Vcpu, number: u8) -> Result<u64, Refused> {
    let [dr6, dr7] = vcpu.hvm.block().debug();
    match number {
        4 | 6 => Ok(dr6),
        5 | 7 => Ok(dr7),
        _ => debugreg::read(vcpu, number).map_err(|_| Refused),
    }
}
