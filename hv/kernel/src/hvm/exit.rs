// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is done about each reason for which a PVH guest leaves.
//!
//! The guest's registers are where those of a PV guest are; an instruction that was executed here is
//! stepped over by decoding it. What a guest may not do is its exception; a state that no processor
//! can be in, and a triple fault, end the domain.
use hv_core::emulate::{Instruction, MAX_LENGTH, decode};
use hv_core::hvm::control::cr4_allowed;
use hv_core::hvm::instruction::Known;
use hv_core::hvm::paging::{CR0_PG, CR4_PAE, EFER_LMA};
use xen_abi::trap::{VECTOR_DF, VECTOR_GP};

use super::{backend, events, hypercall, memory, msr};
use crate::arch::{control, machine_check};
use crate::current::Current;
use crate::emulate::control_register::set_xcr0;
use crate::emulate::cpuid;
use crate::hypercall::vcpu_op;
use crate::schedule::{self, Poll};
use crate::vcpu::Vcpu;
use crate::{debugreg, log, trap};

/// Why a guest left.
#[derive(Clone, Copy, Debug)]
pub enum Exit {
    /// An interrupt of the host waits.
    Interrupt,
    /// A non-maskable interrupt of the host has been taken.
    Nmi,
    /// The machine is broken.
    MachineCheck,
    /// An exception of the guest's own, with its error code.
    Exception(u8, Option<u32>),
    /// An instruction that takes this exception.
    Refused(u8),
    /// `cpuid`.
    Cpuid,
    /// `hlt`.
    Hlt,
    /// `vmmcall` or `vmcall`.
    Hypercall,
    /// `rdmsr`.
    ReadMsr,
    /// `wrmsr`.
    WriteMsr,
    /// `xsetbv`.
    SetExtendedControl,
    /// `invd` or `wbinvd`.
    CacheFlush(Known),
    /// `mov` to CR4.
    WriteControl,
    /// `mov` from or to a debug register.
    DebugRegister,
    /// An access to an I/O port.
    Port(PortExit),
    /// An access to memory that is not there, or not to be written.
    Memory {
        /// The guest's physical address.
        address: u64,
        /// What was being delivered meanwhile.
        delivering: Delivering,
    },
    /// A fault that could not be delivered, nor the one of that.
    TripleFault,
    /// A state that cannot be, or a reason that was not asked for: what the processor says.
    Unknown([u64; 3]),
}

/// An access to an I/O port.
#[derive(Clone, Copy, Debug)]
pub struct PortExit {
    /// From the port, not to it.
    pub is_read: bool,
    /// With memory, not with rax.
    pub is_string: bool,
    /// 1, 2 or 4.
    pub bytes: u8,
    /// The instruction behind it.
    pub next_rip: u64,
}

/// What the processor was delivering when the guest left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivering {
    /// No exception.
    Nothing,
    /// An exception: a second one makes it a double fault.
    Exception,
    /// A double fault.
    DoubleFault,
}

/// The guest's own fault: it gets a #GP.
struct Refused;

/// Called by the back end's assembly. Returns the vCPU to continue with.
pub extern "C" fn exit_from_guest(vcpu: &Vcpu) -> *const Vcpu {
    let exit = backend::exit(vcpu);
    if handle(vcpu, exit).is_err() {
        inject(vcpu, VECTOR_GP, Some(0));
    }
    trap::leave(vcpu)
}

fn handle(vcpu: &Vcpu, exit: Exit) -> Result<(), Refused> {
    match exit {
        Exit::Interrupt => control::take_interrupts(),
        Exit::Nmi => {}
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
        Exit::ReadMsr => {
            let length = length(vcpu, Known::Rdmsr)?;
            let value = msr::read(vcpu, low_word(vcpu.regs.rcx.get())).ok_or(Refused)?;
            vcpu.regs.rax.set(value & 0xffff_ffff);
            vcpu.regs.rdx.set(value >> 32);
            advance(vcpu, length);
        }
        Exit::WriteMsr => {
            let length = length(vcpu, Known::Wrmsr)?;
            msr::write(vcpu, low_word(vcpu.regs.rcx.get()), pair(vcpu)).ok_or(Refused)?;
            advance(vcpu, length);
        }
        Exit::SetExtendedControl => {
            let length = length(vcpu, Known::Xsetbv)?;
            set_xcr0(vcpu, pair(vcpu)).map_err(|_| Refused)?;
            advance(vcpu, length);
        }
        Exit::CacheFlush(known) => advance(vcpu, length(vcpu, known)?),
        Exit::WriteControl | Exit::DebugRegister => control_or_debug(vcpu)?,
        Exit::Port(port) => access_port(vcpu, port)?,
        Exit::Memory { address, delivering } => no_memory(vcpu, address, delivering)?,
        Exit::TripleFault => trap::crash(vcpu, "it took a triple fault"),
        Exit::Unknown([code, info1, info2]) => {
            log!("exit {code:#x}, {info1:#x} {info2:#x}");
            trap::crash(vcpu, "the processor cannot enter its state");
        }
    }
    Ok(())
}

/// Delivers an exception of the guest.
fn inject(vcpu: &Vcpu, vector: u8, error_code: Option<u32>) {
    backend::inject(vcpu.hvm.vmcb(), vector, error_code);
}

/// The bytes at rip, as far as they can be read.
fn fetch(vcpu: &Vcpu) -> [u8; MAX_LENGTH] {
    const PAGE: u64 = 4096;
    let vmcb = vcpu.hvm.vmcb();
    let base = if backend::is_64_bit(vmcb) { 0 } else { backend::code_base(vmcb) };
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

/// The length of the instruction that made the guest leave.
fn length(vcpu: &Vcpu, known: Known) -> Result<u8, Refused> {
    known.length(&fetch(vcpu)).ok_or(Refused)
}

fn advance(vcpu: &Vcpu, length: u8) {
    go_to(vcpu, vcpu.regs.rip.get().wrapping_add(u64::from(length)));
}

/// Continues at `rip`; interrupts are no longer held back by the instruction before.
fn go_to(vcpu: &Vcpu, rip: u64) {
    let mask = if backend::is_64_bit(vcpu.hvm.vmcb()) { u64::MAX } else { 0xffff_ffff };
    vcpu.regs.rip.set(rip & mask);
    backend::clear_shadow(vcpu.hvm.vmcb());
}

fn low_word(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// edx:eax.
fn pair(vcpu: &Vcpu) -> u64 {
    vcpu.regs.rdx.get() << 32 | vcpu.regs.rax.get() & 0xffff_ffff
}

/// Sleeps until an event. A guest that halts with interrupts off never wakes: its vCPU goes down.
fn halt(vcpu: &Vcpu) {
    const INTERRUPTS_ON: u64 = 1 << 9;
    if vcpu.regs.rflags.get() & INTERRUPTS_ON == 0 {
        vcpu_op::down(&Current::new(vcpu), vcpu);
    } else if events::pending(vcpu).is_none() {
        schedule::block(vcpu, Poll::No);
    }
}

/// `mov` to CR4, and from and to debug registers.
fn control_or_debug(vcpu: &Vcpu) -> Result<(), Refused> {
    let decoded = decode(&fetch(vcpu)).ok_or(Refused)?;
    let vmcb = vcpu.hvm.vmcb();
    let general = |number| vcpu.regs.general(number);
    let [dr6, dr7] = backend::debug(vmcb);
    match decoded.instruction {
        Instruction::WriteControl { number: 4, register } => {
            write_cr4(vcpu, general(register).get())?;
        }
        Instruction::ReadDebug { number: 4 | 6, register } => general(register).set(dr6.get()),
        Instruction::ReadDebug { number: 5 | 7, register } => general(register).set(dr7.get()),
        Instruction::ReadDebug { number, register } => {
            let value = debugreg::read(vcpu, number).map_err(|_| Refused)?;
            general(register).set(value);
        }
        Instruction::WriteDebug { number, register } => {
            debugreg::write_hvm(vcpu, [dr6, dr7], number, general(register).get())
                .ok_or(Refused)?;
        }
        _ => return Err(Refused),
    }
    advance(vcpu, decoded.length);
    Ok(())
}

fn write_cr4(vcpu: &Vcpu, value: u64) -> Result<(), Refused> {
    let vmcb = vcpu.hvm.vmcb();
    let paging = backend::paging(vmcb);
    let allowed = cr4_allowed(&cpuid::leaf(vcpu, 1), &cpuid::leaf(vcpu, 7));
    let is_long = paging.cr0 & CR0_PG != 0 && paging.efer & EFER_LMA != 0;
    if value & !allowed != 0 || is_long && value & CR4_PAE == 0 {
        return Err(Refused);
    }
    backend::set_cr4(vmcb, value);
    // Some of its bits change what translations mean.
    vcpu.hvm.flushed_at.set(0);
    Ok(())
}

/// There are no ports: what is read is all ones, what is written goes nowhere.
fn access_port(vcpu: &Vcpu, port: PortExit) -> Result<(), Refused> {
    if port.is_string {
        return Err(Refused);
    }
    if port.is_read {
        let rax = &vcpu.regs.rax;
        rax.set(match port.bytes {
            1 => rax.get() | 0xff,
            2 => rax.get() | 0xffff,
            _ => 0xffff_ffff,
        });
    }
    go_to(vcpu, port.next_rip);
    Ok(())
}

/// There is no memory, and no device either: a #GP, or what becomes of one during a delivery.
fn no_memory(vcpu: &Vcpu, address: u64, delivering: Delivering) -> Result<(), Refused> {
    match delivering {
        Delivering::Nothing => return Err(Refused),
        Delivering::Exception => inject(vcpu, VECTOR_DF, Some(0)),
        Delivering::DoubleFault => {
            log!("no memory at {address:#x}");
            trap::crash(vcpu, "it took a triple fault");
        }
    }
    Ok(())
}
