// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a guest left, in the words of [`Exit`].
use hv_core::emulate::decode;
use hv_core::hvm::instruction::Known;
use hv_core::hvm::status_word::StatusWord;
use xen_abi::trap::{
    VECTOR_AC, VECTOR_BP, VECTOR_DB, VECTOR_GP, VECTOR_MC, VECTOR_OF, VECTOR_PF, VECTOR_UD,
};

use super::vmcb::Vmcb;
use crate::hvm::exit_reason::{Delivering, Exit, PortExit};
use crate::hvm::instruction::{Fetched, fetch};
use crate::log;
use crate::run_cell::RunCell;
use crate::vcpu::Vcpu;

/// Exit codes (AMD APM volume 2, appendix C).
mod code {
    /// Reads, then writes of control and of debug registers.
    pub(super) const FIRST_REGISTER: u64 = 0;
    pub(super) const LAST_REGISTER: u64 = 0x3f;
    pub(super) const FIRST_EXCEPTION: u64 = 0x40;
    pub(super) const LAST_EXCEPTION: u64 = 0x5f;
    pub(super) const INTR: u64 = 0x60;
    pub(super) const NMI: u64 = 0x61;
    pub(super) const VIRTUAL_INTERRUPT: u64 = 0x64;
    pub(super) const RDPMC: u64 = 0x6f;
    pub(super) const CPUID: u64 = 0x72;
    pub(super) const RSM: u64 = 0x73;
    pub(super) const IRET: u64 = 0x74;
    pub(super) const INVD: u64 = 0x76;
    pub(super) const HLT: u64 = 0x78;
    pub(super) const INVLPG: u64 = 0x79;
    pub(super) const INVLPGA: u64 = 0x7a;
    pub(super) const PORT: u64 = 0x7b;
    pub(super) const MSR: u64 = 0x7c;
    pub(super) const TASK_SWITCH: u64 = 0x7d;
    pub(super) const SHUTDOWN: u64 = 0x7f;
    pub(super) const VMRUN: u64 = 0x80;
    pub(super) const VMMCALL: u64 = 0x81;
    pub(super) const VMLOAD: u64 = 0x82;
    pub(super) const RDTSCP: u64 = 0x87;
    pub(super) const WBINVD: u64 = 0x89;
    pub(super) const MONITOR: u64 = 0x8a;
    pub(super) const MWAIT_ARMED: u64 = 0x8c;
    pub(super) const XSETBV: u64 = 0x8d;
    pub(super) const NESTED_PAGE_FAULT: u64 = 0x400;
    pub(super) const INVALID: u64 = u64::MAX;
    /// How QEMU 7.2 writes it.
    pub(super) const INVALID_32: u64 = 0xffff_ffff;
}

/// Says why the guest left.
pub(super) fn reason(vcpu: &Vcpu, vmcb: &Vmcb) -> Exit {
    let [info1, info2] = vmcb.exit_info.get();
    let exit_code = vmcb.exit_code.get();
    if matches!(exit_code, code::INVALID | code::INVALID_32) {
        log_state(vmcb);
        return Exit::NotEntered { why: "its state is not valid, code", number: exit_code };
    }
    vmcb.event.set(unfinished(vmcb));
    match exit_code {
        code::INTR => Exit::Interrupt,
        code::NMI => Exit::Nmi,
        code::VIRTUAL_INTERRUPT => Exit::Window,
        code::IRET => {
            vmcb.end_nmi();
            Exit::Window
        }
        code::FIRST_REGISTER..=code::LAST_REGISTER => register(vcpu),
        code::FIRST_EXCEPTION..=code::LAST_EXCEPTION => exception(vmcb, exit_code),
        code::CPUID => Exit::Cpuid,
        code::HLT => Exit::Hlt,
        code::INVD => Exit::CacheFlush(Known::Invd),
        code::WBINVD => Exit::CacheFlush(Known::Wbinvd),
        code::INVLPG => Exit::InvalidatePage(None),
        code::PORT => Exit::Port(port(info1, info2)),
        code::MSR if info1 & 1 == 0 => Exit::ReadMsr,
        code::MSR => Exit::WriteMsr,
        code::SHUTDOWN => Exit::TripleFault,
        code::TASK_SWITCH => Exit::TaskSwitch,
        code::VMMCALL => Exit::Hypercall,
        code::XSETBV => Exit::SetExtendedControl,
        code::NESTED_PAGE_FAULT => {
            Exit::Memory { address: info2, delivering: delivering(vmcb.exit_event.get()) }
        }
        code::RDPMC => Exit::Refused(VECTOR_GP),
        code::RSM | code::INVLPGA | code::VMRUN => Exit::Refused(VECTOR_UD),
        code::VMLOAD..=code::RDTSCP | code::MONITOR..=code::MWAIT_ARMED => Exit::Refused(VECTOR_UD),
        other => Exit::Unknown([other, info1, info2]),
    }
}

/// What the processor looks at before it enters a guest, and may have refused.
fn log_state(vmcb: &Vmcb) {
    let [cr0, cr3, cr4] = [&vmcb.cr0, &vmcb.cr3, &vmcb.cr4].map(RunCell::get);
    log!("cr0 {cr0:#x} cr3 {cr3:#x} cr4 {cr4:#x} efer {:#x}", vmcb.efer.get());
    let [event, returned] = [&vmcb.event, &vmcb.exit_event].map(RunCell::get);
    log!("tag {:#x}, event {event:#x}, returned {returned:#x}", vmcb.asid.get());
}

/// The external interrupt or exception whose delivery the exit broke off, to be delivered again.
fn unfinished(vmcb: &Vmcb) -> u64 {
    const VALID: u64 = 1 << 31;
    /// Software interrupts are executed again.
    const SOFTWARE: u64 = 4 << 8;
    const EXCEPTION: u64 = 3 << 8;
    const KIND: u64 = 7 << 8;
    /// No exception has this vector or a higher one.
    const INTERRUPTS: u8 = 31;
    let event = vmcb.exit_event.get();
    // So are `int3` and `into`, which count as exceptions.
    let [vector, ..] = event.to_le_bytes();
    let is_software = event & KIND == SOFTWARE || matches!(vector, VECTOR_BP | VECTOR_OF);
    // QEMU 7.2 calls a virtual interrupt an exception, which it then refuses to deliver, and still
    // has it as a request.
    let is_requested = event & KIND == EXCEPTION && vector >= INTERRUPTS;
    if event & VALID != 0 && !is_software && !is_requested { event } else { 0 }
}

fn delivering(event: u64) -> Delivering {
    const VALID: u64 = 1 << 31;
    const EXCEPTION: u64 = 3;
    let [vector, kind, ..] = event.to_le_bytes();
    if event & VALID != 0 && u64::from(kind & 7) == EXCEPTION {
        Delivering::exception(vector)
    } else {
        Delivering::Nothing
    }
}

fn exception(vmcb: &Vmcb, exit_code: u64) -> Exit {
    let [vector, ..] = (exit_code - code::FIRST_EXCEPTION).to_le_bytes();
    let [info, address] = vmcb.exit_info.get();
    let [low, high, ..] = info.to_le_bytes();
    match vector {
        VECTOR_PF => Exit::PageFault {
            address,
            error: u32::from(u16::from_le_bytes([low, high])),
            delivering: delivering(vmcb.exit_event.get()),
        },
        VECTOR_MC => Exit::MachineCheck,
        VECTOR_AC => Exit::Exception(vector, Some(0)),
        VECTOR_DB => Exit::Exception(vector, None),
        _ => Exit::Unknown([exit_code, 0, 0]),
    }
}

/// An access to a control or debug register; CR0 has more than one way.
fn register(vcpu: &Vcpu) -> Exit {
    let Fetched { bytes, size } = fetch(vcpu);
    let found = decode(&bytes);
    if found.is_none()
        && let Some(word) = StatusWord::decode(&bytes, size)
    {
        return Exit::StatusWord(word);
    }
    Exit::Register(found)
}

/// The processor says of port accesses everything, the next instruction included.
fn port(info: u64, next_rip: u64) -> PortExit {
    let bytes = if info & 1 << 4 != 0 {
        1
    } else if info & 1 << 5 != 0 {
        2
    } else {
        4
    };
    PortExit { is_read: info & 1 != 0, is_string: info & 1 << 2 != 0, bytes, next_rip }
}
