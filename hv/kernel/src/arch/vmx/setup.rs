// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fields of a VMCS that stay: what leaves the guest (25.6), what is exchanged (25.7, 25.8), and
//! the host's state (25.5).
use xen_abi::trap::{VECTOR_AC, VECTOR_DB, VECTOR_MC};

use super::features::Vmx;
use super::field::Field;
use super::vmcs::{EXCHANGED_MSRS, Vmcs};
use crate::arch::control::{self, CR0_TS, GUEST_BITS};
use crate::arch::descriptors::{HV_CS, HV_DS, TSS};
use crate::arch::{interrupt_table, msr};
use crate::current::pcpu;
use crate::memory::frames;
use crate::memory::layout::GDT_WINDOW;

/// Bytes that `enter.S` has on the stack while a guest runs.
const FRAME_BYTES: u64 = 16;

/// #DB and #AC, which can follow each other without end; #MC, which is the host's.
pub(super) const EXCEPTIONS: u64 = 1 << VECTOR_DB | 1 << VECTOR_AC | 1 << VECTOR_MC;

unsafe extern "C" {
    fn vmx_exit();
}

/// Writes them all.
pub(super) fn fill(vmcs: &Vmcs, vmx: &Vmx) {
    controls(vmcs, vmx);
    exchanged(vmcs, vmx);
    host(vmcs);
    for field in [
        Field::PAGE_FAULT_MASK,
        Field::PAGE_FAULT_MATCH,
        Field::CR3_TARGET_COUNT,
        Field::ENTRY_EVENT,
        Field::GUEST_DEBUGCTL,
        Field::INTERRUPTIBILITY,
        Field::ACTIVITY,
        Field::PENDING_DEBUG,
    ] {
        vmcs.write(field, 0);
    }
    vmcs.write(Field::LINK_POINTER, u64::MAX);
}

fn controls(vmcs: &Vmcs, vmx: &Vmx) {
    vmcs.write_u32(Field::PIN_CONTROLS, vmx.pin);
    vmcs.write_u32(Field::PROCESSOR_CONTROLS, vmx.processor);
    vmcs.write_u32(Field::EXIT_CONTROLS, vmx.exit);
    vmcs.write_u32(Field::ENTRY_CONTROLS, vmx.entry);
    vmcs.write(Field::MSR_BITMAP, vmx.msr_map.maddr().get());
    vmcs.write(Field::CR4_MASK, u64::MAX);
}

fn exchanged(vmcs: &Vmcs, vmx: &Vmx) {
    let count = EXCHANGED_MSRS.len() as u64;
    let guest = vmcs.msr_list().get();
    for (list, length, at) in [
        (Field::EXIT_MSR_STORE, Field::EXIT_MSR_STORE_COUNT, guest),
        (Field::EXIT_MSR_LOAD, Field::EXIT_MSR_LOAD_COUNT, vmx.host_msrs.get()),
        (Field::ENTRY_MSR_LOAD, Field::ENTRY_MSR_LOAD_COUNT, guest),
    ] {
        vmcs.write(list, at);
        vmcs.write(length, count);
    }
}

fn host(vmcs: &Vmcs) {
    let pcpu = pcpu();
    for (field, selector) in [
        (Field::HOST_CS, HV_CS),
        (Field::HOST_SS, HV_DS),
        (Field::HOST_TR, TSS),
        (Field::HOST_DS, 0),
        (Field::HOST_ES, 0),
        (Field::HOST_FS, 0),
        (Field::HOST_GS, 0),
    ] {
        vmcs.write(field, u64::from(selector));
    }
    for (field, value) in [
        (Field::HOST_CR0, control::cr0() & !CR0_TS),
        (Field::HOST_CR3, frames::frames().root.maddr().get()),
        (Field::HOST_CR4, control::cr4() & !GUEST_BITS),
        (Field::HOST_EFER, msr::read(msr::EFER)),
        (Field::HOST_PAT, msr::read(msr::PAT)),
        (Field::HOST_FS_BASE, 0),
        (Field::HOST_GS_BASE, &raw const *pcpu as u64),
        (Field::HOST_TR_BASE, pcpu.tss() as u64),
        (Field::HOST_GDTR_BASE, GDT_WINDOW),
        (Field::HOST_IDTR_BASE, interrupt_table::base()),
        (Field::HOST_SYSENTER_CS, 0),
        (Field::HOST_SYSENTER_ESP, 0),
        (Field::HOST_SYSENTER_EIP, 0),
        (Field::HOST_RSP, pcpu.stack_top.get() - FRAME_BYTES),
        (Field::HOST_RIP, vmx_exit as *const () as u64),
    ] {
        vmcs.write(field, value);
    }
}
