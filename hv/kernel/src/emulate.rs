// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions of ring 0 that a guest's kernel may use: decoded by hv-core, executed here.
use hv_core::emulate::{Decoded, FORCED_CPUID, Instruction, MAX_LENGTH, decode};
use hv_core::word::low_half;
use xen_abi::trap::{VECTOR_DB, VECTOR_GP, VECTOR_UD};

use crate::arch::{control, tsc};
use crate::extended_state;
use crate::guest_ptr::GuestPtr;
use crate::memory::layout::PAGE_SIZE;
use crate::trap::inject;
use crate::vcpu::Vcpu;

pub mod control_register;
pub mod cpuid;
mod model_specific;
mod port;
pub mod table_write;

/// The guest's fault: it gets a #GP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// What to do with rip after an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// On to the next one.
    Advance,
    /// The same again: a string instruction with a repeat prefix.
    Again,
}

/// A #GP of a guest: a privileged instruction, a software interrupt, or a fault of its own.
#[inline(never)]
pub fn general_protection(vcpu: &Vcpu) {
    const THROUGH_IDT: u32 = 2;
    let error = vcpu.regs.error_code.get();
    let refused = || inject(vcpu, VECTOR_GP, Some(error));
    if error != 0 && error & THROUGH_IDT == 0 {
        return refused();
    }
    match fetch(vcpu) {
        Some(Decoded { instruction: Instruction::SoftwareInterrupt(vector), length }) => {
            software_interrupt(vcpu, vector, length);
        }
        Some(decoded) if error == 0 => match execute(vcpu, decoded.instruction) {
            Ok(After::Advance) => advance(vcpu, decoded.length),
            Ok(After::Again) => {}
            Err(Refused) => refused(),
        },
        _ => refused(),
    }
}

const FORCED_CPUID_BYTES: u8 = 7;

const _: () = assert!(FORCED_CPUID.len() == FORCED_CPUID_BYTES as usize);

/// A #UD of a guest: the forced emulated CPUID, or a fault of its own.
#[inline(never)]
pub fn invalid_opcode(vcpu: &Vcpu) {
    let at = GuestPtr::<[u8; FORCED_CPUID.len()]>::new(vcpu.regs.rip.get());
    if at.read() == Ok(FORCED_CPUID) {
        cpuid::execute_forced(vcpu);
        return advance(vcpu, FORCED_CPUID_BYTES);
    }
    inject(vcpu, VECTOR_UD, None);
}

/// A #DB of a guest: the CPU's reasons are added to those the guest has not looked at yet.
pub fn debug(vcpu: &Vcpu) {
    let [reasons, _] = crate::arch::debug::take_reasons();
    vcpu.debug.update(|mut debug| {
        debug[6] |= reasons;
        debug
    });
    inject(vcpu, VECTOR_DB, None);
}

/// Reads and decodes the instruction at rip.
fn fetch(vcpu: &Vcpu) -> Option<Decoded> {
    fetch_for(vcpu, decode)
}

/// Reads the instruction at rip for `decode`. Its bytes may end before an unreadable page.
fn fetch_for<T>(vcpu: &Vcpu, decode: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    let rip = vcpu.regs.rip.get();
    let mut bytes = [0; MAX_LENGTH];
    if GuestPtr::new(rip).read_slice(&mut bytes).is_ok() {
        return decode(&bytes);
    }
    let in_page = usize::try_from(PAGE_SIZE - rip % PAGE_SIZE).unwrap_or(MAX_LENGTH);
    let bytes = &mut bytes[..in_page.min(MAX_LENGTH)];
    GuestPtr::new(rip).read_slice(bytes).ok()?;
    decode(bytes)
}

fn advance(vcpu: &Vcpu, length: u8) {
    let rip = &vcpu.regs.rip;
    rip.set(rip.get().wrapping_add(u64::from(length)));
}

/// `int n`: to the guest's handler if its privilege level lets this mode in.
fn software_interrupt(vcpu: &Vcpu, vector: u8, length: u8) {
    let level = vcpu.traps[usize::from(vector)].get().flags.dpl();
    let needed = if vcpu.in_kernel.get() { 1 } else { 3 };
    if level >= needed {
        advance(vcpu, length);
        return inject(vcpu, vector, None);
    }
    inject(vcpu, VECTOR_GP, Some(u32::from(vector) << 3 | 2));
}

fn execute(vcpu: &Vcpu, instruction: Instruction) -> Result<After, Refused> {
    if let Instruction::Port(access) = instruction {
        return port::execute(vcpu, access);
    }
    match instruction {
        Instruction::Cpuid => cpuid::execute(vcpu),
        Instruction::ReadTsc => vcpu.regs.set_pair(tsc::read()),
        Instruction::ReadTscp => {
            vcpu.regs.set_pair(tsc::read());
            vcpu.regs.rcx.set(0);
        }
        // Who has the virtual I/O privilege gets nothing done, as on Xen.
        Instruction::InterruptFlag if port::has_io_privilege(vcpu) => {}
        _ if !vcpu.in_kernel.get() => return Err(Refused),
        Instruction::ReadControl { number, register } => {
            let value = control_register::read(vcpu, number)?;
            vcpu.regs.general(register).set(value);
        }
        Instruction::WriteControl { number, register } => {
            return control_register::write(vcpu, number, vcpu.regs.general(register).get());
        }
        Instruction::ReadDebug { number, register } => {
            let value = crate::debugreg::read(vcpu, number).map_err(|_| Refused)?;
            vcpu.regs.general(register).set(value);
        }
        Instruction::WriteDebug { number, register } => {
            let value = vcpu.regs.general(register).get();
            crate::debugreg::write(vcpu, number, value).map_err(|_| Refused)?;
        }
        Instruction::ClearTaskSwitched => vcpu.task_switched.set(false),
        Instruction::FlushCache => flush_cache(vcpu),
        Instruction::ReadMsr => vcpu.regs.set_pair(model_specific::read(vcpu, msr_number(vcpu))?),
        Instruction::WriteMsr => model_specific::write(vcpu, msr_number(vcpu), vcpu.regs.pair())?,
        Instruction::SetExtendedControl => extended_state::execute_set(vcpu).ok_or(Refused)?,
        Instruction::Port(_) | Instruction::InterruptFlag | Instruction::SoftwareInterrupt(_) => {
            return Err(Refused);
        }
    }
    Ok(After::Advance)
}

/// Only who has hardware may write the caches back; for others there is nothing to flush.
fn flush_cache(vcpu: &Vcpu) {
    if vcpu.domain().privileged {
        control::write_back_caches();
    }
}

/// `rdmsr` and `wrmsr` look at ecx.
fn msr_number(vcpu: &Vcpu) -> u32 {
    low_half(vcpu.regs.rcx.get())
}
