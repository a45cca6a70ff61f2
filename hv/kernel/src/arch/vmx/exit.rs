// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a guest left, in the words of [`Exit`] (28.2, appendix C).
use hv_core::emulate::{Decoded, Instruction};
use hv_core::hvm::instruction::Known;
use hv_core::hvm::vmx::event::{Event, Kind};
use hv_core::hvm::vmx::qualification::{
    ControlAccess, control_access, debug_access, debug_reasons, is_refused_code, port_access,
};
use xen_abi::trap::{VECTOR_AC, VECTOR_DB, VECTOR_GP, VECTOR_MC, VECTOR_PF, VECTOR_UD};

use super::field::Field;
use super::vmcs::Vmcs;
use crate::arch::control;
use crate::hvm::control_block::ControlBlock;
use crate::hvm::exit_reason::{Delivering, Exit, PortExit};
use crate::vcpu::Vcpu;

/// Basic exit reasons.
mod basic {
    pub(super) const EXCEPTION_OR_NMI: u16 = 0;
    pub(super) const INTERRUPT: u16 = 1;
    pub(super) const TRIPLE_FAULT: u16 = 2;
    pub(super) const INTERRUPT_WINDOW: u16 = 7;
    pub(super) const NMI_WINDOW: u16 = 8;
    pub(super) const TASK_SWITCH: u16 = 9;
    pub(super) const CPUID: u16 = 10;
    pub(super) const GETSEC: u16 = 11;
    pub(super) const HLT: u16 = 12;
    pub(super) const INVD: u16 = 13;
    pub(super) const INVLPG: u16 = 14;
    pub(super) const RDPMC: u16 = 15;
    pub(super) const RSM: u16 = 17;
    pub(super) const VMCALL: u16 = 18;
    pub(super) const VMCLEAR: u16 = 19;
    pub(super) const VMXON: u16 = 27;
    pub(super) const CONTROL_REGISTER: u16 = 28;
    pub(super) const DEBUG_REGISTER: u16 = 29;
    pub(super) const PORT: u16 = 30;
    pub(super) const RDMSR: u16 = 31;
    pub(super) const WRMSR: u16 = 32;
    pub(super) const BAD_STATE: u16 = 33;
    pub(super) const BAD_MSR: u16 = 34;
    pub(super) const MWAIT: u16 = 36;
    pub(super) const MONITOR: u16 = 39;
    pub(super) const MACHINE_CHECK: u16 = 41;
    pub(super) const EPT_VIOLATION: u16 = 48;
    pub(super) const INVEPT: u16 = 50;
    pub(super) const TIMER: u16 = 52;
    pub(super) const INVVPID: u16 = 53;
    pub(super) const WBINVD: u16 = 54;
    pub(super) const XSETBV: u16 = 55;
}

/// Says why the guest left, and lets what the exit broke off be delivered again.
pub(super) fn reason(vcpu: &Vcpu, vmcs: &Vmcs) -> Exit {
    if vmcs.has_failed.get() {
        vmcs.has_failed.set(false);
        let why = "VMLAUNCH or VMRESUME failed with error";
        return Exit::NotEntered { why, number: vmcs.read(Field::INSTRUCTION_ERROR) };
    }
    let qualification = vmcs.read(Field::QUALIFICATION);
    let [low, high, _, flags] = vmcs.read_u32(Field::EXIT_REASON).to_le_bytes();
    let reason = u16::from_le_bytes([low, high]);
    const ENTRY_FAILED: u8 = 1 << 7;
    if flags & ENTRY_FAILED != 0 {
        return not_entered(reason, qualification);
    }
    vmcs.is_launched.set(true);
    let unfinished = unfinished(vmcs);
    if unfinished.is_none() {
        block_nmi_again(vmcs, reason, qualification);
    }
    let delivering = delivering(unfinished);
    match reason {
        basic::EXCEPTION_OR_NMI => exception(vmcs, qualification, delivering),
        basic::INTERRUPT | basic::TIMER => Exit::Interrupt,
        basic::TRIPLE_FAULT => Exit::TripleFault,
        basic::TASK_SWITCH => Exit::TaskSwitch,
        basic::INTERRUPT_WINDOW | basic::NMI_WINDOW => Exit::Window,
        basic::CPUID => Exit::Cpuid,
        basic::HLT => Exit::Hlt,
        basic::INVD => Exit::CacheFlush(Known::Invd),
        basic::WBINVD => Exit::CacheFlush(Known::Wbinvd),
        basic::INVLPG => Exit::InvalidatePage(Some(qualification)),
        basic::VMCALL => Exit::Hypercall,
        basic::CONTROL_REGISTER => control_register(vmcs, qualification),
        basic::DEBUG_REGISTER => register(vmcs, debug_access(qualification)),
        basic::PORT => Exit::Port(port(vcpu, vmcs, qualification)),
        basic::RDMSR => Exit::ReadMsr,
        basic::WRMSR => Exit::WriteMsr,
        basic::XSETBV => Exit::SetExtendedControl,
        basic::EPT_VIOLATION if is_refused_code(qualification) => {
            Exit::LargeCode(vmcs.read(Field::GUEST_PHYSICAL_ADDRESS))
        }
        basic::EPT_VIOLATION => {
            Exit::Memory { address: vmcs.read(Field::GUEST_PHYSICAL_ADDRESS), delivering }
        }
        basic::RDPMC => Exit::Refused(VECTOR_GP),
        basic::VMCLEAR..=basic::VMXON
        | basic::GETSEC
        | basic::RSM
        | basic::MWAIT
        | basic::MONITOR
        | basic::INVEPT
        | basic::INVVPID => Exit::Refused(VECTOR_UD),
        other => Exit::Unknown([u64::from(other), qualification, 0]),
    }
}

/// An entry that failed when the guest's state was loaded (27.8).
fn not_entered(reason: u16, qualification: u64) -> Exit {
    let why = match reason {
        basic::BAD_STATE => "the guest's state is not valid, qualification",
        basic::BAD_MSR => "an MSR cannot be loaded, entry",
        basic::MACHINE_CHECK => return Exit::MachineCheck,
        _ => "the entry failed, qualification",
    };
    Exit::NotEntered { why, number: qualification }
}

/// The event whose delivery the exit broke off, which is delivered again.
fn unfinished(vmcs: &Vmcs) -> Option<Event> {
    let bits = vmcs.read_u32(Field::VECTORING_EVENT);
    let event = Event::from_bits(bits, vmcs.read_u32(Field::VECTORING_ERROR_CODE))?;
    vmcs.set_event(event);
    if event.kind == Kind::Nmi {
        vmcs.unblock_nmi();
    }
    Some(event)
}

/// An `iret` that ends an NMI handler, and faults, is executed again: no NMI comes before (28.2.3).
fn block_nmi_again(vmcs: &Vmcs, reason: u16, qualification: u64) {
    const UNBLOCKED_BY_IRET: u64 = 1 << 12;
    let said = match reason {
        basic::EXCEPTION_OR_NMI => vmcs.read(Field::EXIT_EVENT),
        basic::EPT_VIOLATION => qualification,
        _ => 0,
    };
    if said & UNBLOCKED_BY_IRET != 0 {
        vmcs.block_nmi();
    }
}

fn delivering(event: Option<Event>) -> Delivering {
    match event {
        Some(Event { kind: Kind::Exception, vector, .. }) => Delivering::exception(vector),
        _ => Delivering::Nothing,
    }
}

/// An exception of the guest's, or an NMI of the host's: it is taken here, by its gate, whose `iret`
/// lets the next one come.
fn exception(vmcs: &Vmcs, qualification: u64, delivering: Delivering) -> Exit {
    let bits = vmcs.read_u32(Field::EXIT_EVENT);
    let error_code = vmcs.read_u32(Field::EXIT_ERROR_CODE);
    let Some(event) = Event::from_bits(bits, error_code) else {
        // `int1` is the only instruction that can be meant.
        return Exit::Exception(VECTOR_DB, None);
    };
    match (event.kind, event.vector) {
        (Kind::Nmi, _) => {
            control::take_nmi();
            Exit::Nmi
        }
        (_, VECTOR_MC) => Exit::MachineCheck,
        (_, VECTOR_PF) => Exit::PageFault { address: qualification, error: error_code, delivering },
        (_, VECTOR_AC) => Exit::Exception(VECTOR_AC, Some(0)),
        (_, VECTOR_DB) => {
            add_debug_reasons(vmcs, debug_reasons(qualification));
            Exit::Exception(VECTOR_DB, None)
        }
        _ => Exit::Unknown([u64::from(bits), qualification, 0]),
    }
}

/// What the delivery of a #DB does to DR6 and DR7, which an exit instead of it does not (28.1).
fn add_debug_reasons(vmcs: &Vmcs, reasons: u64) {
    const GENERAL_DETECT: u64 = 1 << 13;
    let [dr6, dr7] = vmcs.debug();
    vmcs.set_debug([dr6 | reasons, dr7 & !GENERAL_DETECT]);
}

fn control_register(vmcs: &Vmcs, qualification: u64) -> Exit {
    match control_access(qualification) {
        ControlAccess::Instruction(instruction) => register(vmcs, instruction),
        ControlAccess::LoadStatusWord(word) => Exit::LoadStatusWord { word, length: vmcs.length() },
    }
}

fn register(vmcs: &Vmcs, instruction: Instruction) -> Exit {
    Exit::Register(Some(Decoded { instruction, length: vmcs.length() }))
}

fn port(vcpu: &Vcpu, vmcs: &Vmcs, qualification: u64) -> PortExit {
    let access = port_access(qualification);
    PortExit {
        is_read: access.is_read,
        is_string: access.is_string,
        bytes: access.bytes,
        next_rip: vcpu.regs.rip.get().wrapping_add(u64::from(vmcs.length())),
    }
}
