// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is done about each reason for which a PVH guest leaves.
//!
//! The guest's registers are where those of a PV guest are; an instruction that was executed here is
//! stepped over. What a guest may not do is its exception; a state that no processor can be in, and
//! a triple fault, end the domain.
use hv_core::hvm::delivery::Second;
use hv_core::hvm::instruction::Known;
use hv_core::hvm::shadow::Outcome;
use xen_abi::trap::{VECTOR_DF, VECTOR_GP, VECTOR_PF};

use super::exit_reason::{Delivering, Exit};
use super::instruction::{advance, length};
use super::{hypercall, interrupt, local_apic, msr, physmap, port, register, shadow, status_word};
use crate::arch::{control, lapic, machine_check};
use crate::current::Current;
use crate::emulate::cpuid;
use crate::hypercall::vcpu_op;
use crate::schedule::{self, Poll};
use crate::vcpu::Vcpu;
use crate::{extended_state, log, trap};

/// The guest's own fault: it gets a #GP.
pub struct Refused;

/// Called by the back end's assembly. Returns the vCPU to continue with.
pub extern "C" fn exit_from_guest(vcpu: &Vcpu) -> *const Vcpu {
    let exit = vcpu.hvm.block().exit(vcpu);
    interrupt::settle(vcpu);
    // QEMU 7.2 notes interrupts of the host, and at an exit forgets those of the guest, in one word
    // without a lock: now and then one of the host is lost until the APIC looks again.
    if schedule::is_timer_due() {
        lapic::look_again();
    }
    // Whatever the reason was: an event is delivered before the processor looks at the host's
    // interrupts, and the delivery may raise the next one, without an end (XSA-156).
    control::take_interrupts();
    if handle(vcpu, exit).is_err() {
        inject(vcpu, VECTOR_GP, Some(0));
    }
    trap::leave(vcpu)
}

fn handle(vcpu: &Vcpu, exit: Exit) -> Result<(), Refused> {
    match exit {
        Exit::Interrupt | Exit::Nmi | Exit::Window => {}
        Exit::MachineCheck => {
            machine_check::log_banks();
            panic!("machine check");
        }
        Exit::Exception(vector, error) => inject(vcpu, vector, error),
        Exit::Refused(VECTOR_GP) => return Err(Refused),
        Exit::Refused(vector) => inject(vcpu, vector, None),
        Exit::Cpuid => {
            let length = length(vcpu, Known::Cpuid)?;
            cpuid::execute_hvm(vcpu);
            advance(vcpu, length);
        }
        Exit::Hlt => {
            advance(vcpu, length(vcpu, Known::Hlt)?);
            halt(vcpu);
        }
        Exit::Hypercall => {
            let length = length(vcpu, Known::Vmmcall)?;
            if hypercall::execute(vcpu) {
                advance(vcpu, length);
            }
        }
        Exit::ReadMsr => msr::execute_read(vcpu)?,
        Exit::WriteMsr => msr::execute_write(vcpu)?,
        Exit::SetExtendedControl => {
            let length = length(vcpu, Known::Xsetbv)?;
            extended_state::execute_set(vcpu).ok_or(Refused)?;
            advance(vcpu, length);
        }
        Exit::CacheFlush(known) => advance(vcpu, length(vcpu, known)?),
        Exit::Register(decoded) => register::access(vcpu, decoded)?,
        Exit::StatusWord(decoded) => status_word::execute(vcpu, decoded)?,
        Exit::LoadStatusWord { word, length } => status_word::load(vcpu, word, length)?,
        Exit::Port(port) => port::access(vcpu, port)?,
        Exit::Memory { address, delivering } => no_memory(vcpu, address, delivering),
        Exit::LargeCode(address) => {
            if physmap::split(vcpu.domain(), address).is_err() {
                trap::crash(vcpu, "there is no table for its code");
            }
        }
        Exit::PageFault { address, error, delivering } => {
            match shadow::page_fault(vcpu, address, error) {
                Outcome::Resume => {}
                Outcome::PageFault(error) => {
                    vcpu.hvm.block().set_fault_address(address);
                    fault(vcpu, VECTOR_PF, error, delivering);
                }
                Outcome::NoMemory(address) => no_memory(vcpu, address, delivering),
            }
        }
        Exit::InvalidatePage(address) => shadow::execute_invlpg(vcpu, address)?,
        Exit::TripleFault => trap::crash(vcpu, "it took a triple fault"),
        Exit::TaskSwitch => trap::crash(vcpu, "it switched tasks, which is not emulated"),
        Exit::NotEntered { why, number } => {
            log!("{why} {number:#x}");
            trap::crash(vcpu, "the processor cannot enter its state");
        }
        Exit::Unknown([code, info1, info2]) => {
            log!("exit {code:#x}, {info1:#x} {info2:#x}");
            trap::crash(vcpu, "it left for a reason that guests do not have");
        }
    }
    Ok(())
}

/// Delivers an exception of the guest.
fn inject(vcpu: &Vcpu, vector: u8, error_code: Option<u32>) {
    vcpu.hvm.block().inject(vector, error_code);
}

/// Sleeps until an interrupt. As on Xen, a guest that halts with interrupts off wants to stop: its
/// vCPU goes down, and the domain ends with its last one.
fn halt(vcpu: &Vcpu) {
    if interrupt::is_deliverable(vcpu) {
        return;
    }
    if interrupt::are_on(vcpu) {
        schedule::block(vcpu, Poll::No);
    } else {
        vcpu_op::down(&Current::new(vcpu), vcpu);
    }
}

/// Delivers a fault that arose while something was being delivered.
fn fault(vcpu: &Vcpu, vector: u8, error_code: u32, delivering: Delivering) {
    match delivering.then(vector) {
        Second::Itself => inject(vcpu, vector, Some(error_code)),
        Second::Double => inject(vcpu, VECTOR_DF, Some(0)),
        Second::Triple => trap::crash(vcpu, "it took a triple fault"),
    }
}

/// There is no memory: a register of the local APIC, or a #GP.
fn no_memory(vcpu: &Vcpu, address: u64, delivering: Delivering) {
    if delivering == Delivering::Nothing && local_apic::access_memory(vcpu, address).is_ok() {
        return;
    }
    if delivering == Delivering::DoubleFault {
        log!("no memory at {address:#x}");
    }
    fault(vcpu, VECTOR_GP, 0, delivering);
}
