// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes of a guest's kernel to its L1 tables, for guests that leave them to the hypervisor
//! (`VMASST_TYPE_writable_pagetables`). The entry changes by the same rules as in `mmu_update`.
use core::sync::atomic::Ordering;

use hv_core::frame_memory::FrameMemory;
use hv_core::page_table::{Entry, l1_entry};
use hv_core::page_type::{BUDGET, PageTypes, Update};
use hv_core::table_write::{Source, decode};
use xen_abi::frame::{Maddr, VirtAddr};
use xen_abi::vm_assist::VmAssistType;

use super::{advance, fetch_for};
use crate::machine::Host;
use crate::vcpu::Vcpu;

/// If the page fault at `address` is such a write, executes it; else it is the guest's own.
pub fn execute(vcpu: &Vcpu, address: u64) -> bool {
    const WRITE_TO_PRESENT: u32 = 3;
    let assists = vcpu.domain().vm_assist.load(Ordering::Relaxed);
    vcpu.in_kernel.get()
        && vcpu.regs.error_code.get() & WRITE_TO_PRESENT == WRITE_TO_PRESENT
        && assists & VmAssistType::WritablePagetables.bit() != 0
        && try_execute(vcpu, address).is_some()
}

fn try_execute(vcpu: &Vcpu, address: u64) -> Option<()> {
    let mapping = l1_entry(&Host, vcpu.kernel_root.get()?, VirtAddr::new(address))?;
    let mapping = Entry::new(Host.read_u64(mapping));
    if !mapping.is_present() || mapping.is_writable() {
        return None;
    }
    let [offset, ..] = (address & 7).to_le_bytes();
    let at = Maddr::new(mapping.mfn().maddr().get() | (address & 0xff8));
    let write = fetch_for(vcpu, decode)?;
    let source = match write.source {
        Source::Register(number) => vcpu.regs.general(number).get(),
        Source::Immediate(value) => value,
    };
    let (rax, rflags) = (vcpu.regs.rax.get(), vcpu.regs.rflags.get());
    let owner = vcpu.domain().id;
    let types = PageTypes::new(&Host, BUDGET);
    let entry = types.l1_entry_of(at, owner)?;
    let effect = write.apply(entry.get(), offset, source, rax, rflags)?;
    let update = Update {
        at,
        entry: Entry::new(effect.entry),
        table_owner: owner,
        page_owner: owner,
        keep_usage: false,
    };
    types.update_leaf(&update).ok()?;
    if let Some((number, value)) = effect.register {
        vcpu.regs.general(number).set(value);
    }
    vcpu.regs.rflags.set(effect.rflags);
    advance(vcpu, write.length);
    Some(())
}
