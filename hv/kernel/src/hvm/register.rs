// SPDX-License-Identifier: MIT OR Apache-2.0
//! Accesses to control and debug registers that made a guest leave.
use hv_core::emulate::{Decoded, Instruction};

use super::control_register;
use super::exit::Refused;
use super::instruction::advance;
use crate::debugreg;
use crate::vcpu::Vcpu;

/// Executes the instruction.
pub fn access(vcpu: &Vcpu, decoded: Option<Decoded>) -> Result<(), Refused> {
    let decoded = decoded.ok_or(Refused)?;
    let general = |number| vcpu.regs.general(number);
    let [dr6, dr7] = vcpu.hvm.block().debug();
    match decoded.instruction {
        Instruction::ReadControl { number, register } => {
            general(register).set(control_register::read(vcpu, number).ok_or(Refused)?);
        }
        Instruction::WriteControl { number, register } => {
            control_register::write(vcpu, number, general(register).get()).ok_or(Refused)?;
        }
        Instruction::ClearTaskSwitched => control_register::clear_task_switched(vcpu),
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
