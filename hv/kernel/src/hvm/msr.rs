// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rdmsr` and `wrmsr` of a PVH guest: the list of `hv_core::hvm::msr`.
use domain_builder::hypercall_page::hvm_page;
use hv_core::hvm::control;
use hv_core::hvm::instruction::Known;
use hv_core::hvm::msr::{MISC_ENABLE, Msr, is_pat};
use hv_core::hvm::paging::Paging;
use hv_core::word::low_half;
use xen_abi::frame::{Gfn, PAGE_SHIFT, PAGE_SIZE};

use super::exit::Refused;
use super::instruction::{advance, length};
use super::{control_register, local_apic, shadow};
use crate::arch::{cpu, tsc};
use crate::machine::Host;
use crate::memory::direct_map;
use crate::time;
use crate::vcpu::Vcpu;

/// Executes `rdmsr`.
pub fn execute_read(vcpu: &Vcpu) -> Result<(), Refused> {
    let length = length(vcpu, Known::Rdmsr)?;
    let value = read(vcpu, low_half(vcpu.regs.rcx.get())).ok_or(Refused)?;
    vcpu.regs.set_pair(value);
    advance(vcpu, length);
    Ok(())
}

/// Executes `wrmsr`.
pub fn execute_write(vcpu: &Vcpu) -> Result<(), Refused> {
    let length = length(vcpu, Known::Wrmsr)?;
    write(vcpu, low_half(vcpu.regs.rcx.get()), vcpu.regs.pair()).ok_or(Refused)?;
    advance(vcpu, length);
    Ok(())
}

/// The value a guest sees; `None` is its #GP.
fn read(vcpu: &Vcpu, number: u32) -> Option<u64> {
    let block = vcpu.hvm.block();
    Some(match Msr::of(number)? {
        Msr::ApicBase => local_apic::base(vcpu),
        Msr::LocalApic => return local_apic::read_msr(vcpu, number),
        Msr::TscDeadline => local_apic::tsc_deadline(vcpu),
        Msr::Tsc => tsc::read().wrapping_add(vcpu.hvm.tsc_offset.get()),
        Msr::Pat => block.pat(),
        Msr::Efer => block.paging().efer,
        Msr::Mtrr(register) => vcpu.hvm.mtrr.get().read(register),
        Msr::MiscEnable => return misc_enable(),
        Msr::Zero | Msr::Ignored => 0,
        Msr::HypercallPage => return None,
    })
}

/// Writes a register; `None` is the guest's #GP.
fn write(vcpu: &Vcpu, number: u32, value: u64) -> Option<()> {
    let block = vcpu.hvm.block();
    match Msr::of(number)? {
        Msr::ApicBase => local_apic::set_base(vcpu, value)?,
        Msr::LocalApic => local_apic::write_msr(vcpu, number, value)?,
        Msr::TscDeadline => local_apic::set_tsc_deadline(vcpu, value),
        Msr::Tsc => set_tsc(vcpu, value),
        Msr::Pat => block.set_pat(Some(value).filter(|value| is_pat(*value))?),
        Msr::Efer => {
            let paging = block.paging();
            let efer = control::efer(paging.efer, value, paging.cr0)?;
            control_register::set(vcpu, &Paging { efer, ..paging });
        }
        Msr::Mtrr(register) => {
            let bits = u32::from(cpu::features().physical_bits);
            vcpu.hvm.mtrr.set(vcpu.hvm.mtrr.get().written(register, value, bits)?);
        }
        Msr::MiscEnable => return (Some(value) == misc_enable()).then_some(()),
        Msr::Zero => return (value == 0).then_some(()),
        Msr::Ignored => {}
        Msr::HypercallPage => write_hypercall_page(vcpu, value)?,
    }
    Some(())
}

/// What `IA32_MISC_ENABLE` reads as; `None` on AMD's processors.
fn misc_enable() -> Option<u64> {
    super::backend().filter(|backend| backend.has_misc_enable).map(|_| MISC_ENABLE)
}

/// Makes the guest's TSC read `value` now, and tells its clock.
pub fn set_tsc(vcpu: &Vcpu, value: u64) {
    let offset = value.wrapping_sub(tsc::read());
    vcpu.hvm.tsc_offset.set(offset);
    vcpu.hvm.block().set_tsc_offset(offset);
    time::update_vcpu_time(vcpu);
}

/// Fills the guest's page at `address` with stubs; the low bits are the number of the page, of which
/// there is one.
fn write_hypercall_page(vcpu: &Vcpu, address: u64) -> Option<()> {
    if !address.is_multiple_of(PAGE_SIZE as u64) {
        return None;
    }
    let hvm = vcpu.domain().hvm.as_ref()?;
    let p2m = hvm.p2m.lock();
    let p2m = p2m.as_ref()?;
    let leaf = p2m.get(&Host, Gfn::new(address >> PAGE_SHIFT)).filter(|leaf| leaf.writable)?;
    shadow::wrote(vcpu.domain(), p2m, leaf.mfn);
    let page = hvm_page(super::backend()?.hypercall);
    let target: *mut u8 = direct_map::pointer(leaf.mfn.maddr());
    // SAFETY: the frame is the guest's to write, and the p2m is locked.
    unsafe { page.as_ptr().copy_to_nonoverlapping(target, PAGE_SIZE) }
    Some(())
}
