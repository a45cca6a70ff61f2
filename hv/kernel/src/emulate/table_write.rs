// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes of a guest's kernel to tables that are mapped read-only.
//!
//! L1 tables, for guests that leave them to the hypervisor (`VMASST_TYPE_writable_pagetables`): the
//! entry changes by the same rules as in `mmu_update`. Tables of messages: a driver that masks its
//! own message may go on, but nothing is written.
use core::sync::atomic::Ordering;

use hv_core::frame_memory::FrameMemory;
use hv_core::page_table::{Entry, l1_entry};
use hv_core::page_type::{BUDGET, PageTypes, Update};
use hv_core::table_write::{Operation, decode};
use xen_abi::frame::{Maddr, VirtAddr};
use xen_abi::vm_assist::VmAssistType;

use super::{advance, fetch_for};
use crate::io_permissions;
use crate::machine::Host;
use crate::memory::frames;
use crate::vcpu::Vcpu;

/// If the page fault at `address` is such a write, executes it; else it is the guest's own.
pub fn execute(vcpu: &Vcpu, address: u64) -> bool {
    const WRITE_TO_PRESENT: u32 = 3;
    if !vcpu.in_kernel.get() || vcpu.regs.error_code.get() & WRITE_TO_PRESENT != WRITE_TO_PRESENT {
        return false;
    }
    let assists = vcpu.domain().vm_assist.load(Ordering::Relaxed);
    if assists & VmAssistType::WritablePagetables.bit() == 0 && !vcpu.domain().privileged {
        return false;
    }
    let Some(mapping) = read_only_mapping(vcpu, address) else { return false };
    let done = if frames::table().is_io(mapping.mfn()) {
        discard(vcpu, mapping)
    } else if assists & VmAssistType::WritablePagetables.bit() != 0 {
        write_entry(vcpu, mapping, address)
    } else {
        None
    };
    done.is_some()
}

fn read_only_mapping(vcpu: &Vcpu, address: u64) -> Option<Entry> {
    let at = l1_entry(&Host, vcpu.kernel_root.get()?, VirtAddr::new(address))?;
    let mapping = Entry::new(Host.read_u64(at));
    (mapping.is_present() && !mapping.is_writable()).then_some(mapping)
}

/// Goes on behind a store to a table of messages.
fn discard(vcpu: &Vcpu, mapping: Entry) -> Option<()> {
    let write = fetch_for(vcpu, decode)?;
    let harmless =
        io_permissions::is_read_only(mapping.mfn()) && write.operation == Operation::Store;
    harmless.then(|| advance(vcpu, write.length))
}

fn write_entry(vcpu: &Vcpu, mapping: Entry, address: u64) -> Option<()> {
    let [offset, ..] = (address & 7).to_le_bytes();
    let at = Maddr::new(mapping.mfn().maddr().get() | (address & 0xff8));
    let write = fetch_for(vcpu, decode)?;
    let source = write.source(|number| vcpu.regs.general(number).get());
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
