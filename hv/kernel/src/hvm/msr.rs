// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rdmsr` and `wrmsr` of a PVH guest: the list of `hv_core::hvm::msr`.
use domain_builder::hypercall_page::vmmcall_page;
use hv_core::hvm::control;
use hv_core::hvm::msr::{Msr, is_pat};
use xen_abi::frame::{Gfn, PAGE_SHIFT, PAGE_SIZE};

use super::{backend, physmap};
use crate::arch::tsc;
use crate::memory::direct_map;
use crate::time;
use crate::vcpu::Vcpu;

/// The value a guest sees; `None` is its #GP.
pub fn read(vcpu: &Vcpu, number: u32) -> Option<u64> {
    let vmcb = vcpu.hvm.vmcb();
    Some(match Msr::of(number)? {
        Msr::Tsc => tsc::read().wrapping_add(vcpu.hvm.tsc_offset.get()),
        Msr::Pat => backend::pat(vmcb),
        Msr::Efer => backend::efer(vmcb),
        Msr::Zero => 0,
        Msr::HypercallPage => return None,
    })
}

/// Writes a register; `None` is the guest's #GP.
pub fn write(vcpu: &Vcpu, number: u32, value: u64) -> Option<()> {
    let vmcb = vcpu.hvm.vmcb();
    match Msr::of(number)? {
        Msr::Tsc => set_tsc(vcpu, value),
        Msr::Pat => backend::set_pat(vmcb, Some(value).filter(|value| is_pat(*value))?),
        Msr::Efer => {
            let allowed = control::efer(backend::efer(vmcb), value, backend::paging(vmcb).cr0);
            backend::set_efer(vmcb, allowed?);
        }
        Msr::Zero => return (value == 0).then_some(()),
        Msr::HypercallPage => write_hypercall_page(vcpu, value)?,
    }
    Some(())
}

/// Makes the guest's TSC read `value` now, and tells its clock.
pub fn set_tsc(vcpu: &Vcpu, value: u64) {
    let offset = value.wrapping_sub(tsc::read());
    vcpu.hvm.tsc_offset.set(offset);
    backend::set_tsc_offset(vcpu.hvm.vmcb(), offset);
    time::update_vcpu_time(vcpu);
}

/// Fills the guest's page at `address` with stubs; the low bits are the number of the page, of which
/// there is one.
fn write_hypercall_page(vcpu: &Vcpu, address: u64) -> Option<()> {
    if !address.is_multiple_of(PAGE_SIZE as u64) {
        return None;
    }
    let hvm = vcpu.domain().hvm.as_ref()?;
    let leaf = physmap::get(hvm, Gfn::new(address >> PAGE_SHIFT)).filter(|leaf| leaf.writable)?;
    let page = vmmcall_page();
    let target: *mut u8 = direct_map::pointer(leaf.mfn.maddr());
    // SAFETY: the frame is the guest's to write, and nobody else changes the p2m meanwhile.
    unsafe { page.as_ptr().copy_to_nonoverlapping(target, PAGE_SIZE) }
    Some(())
}
