// SPDX-License-Identifier: MIT OR Apache-2.0
//! Control registers of a PVH guest, as far as it leaves for them: CR4 to be checked, under
//! shadow paging CR0 and CR3 too; CR8 while an interrupt waits.
use hv_core::hvm::control::{self, cr4_allowed};
use hv_core::hvm::paging::{CR0_PG, CR4_PAE, EFER_LMA, Paging};

use super::shadow;
use crate::arch::control::CR0_TS;
use crate::arch::cpu;
use crate::emulate::cpuid;
use crate::vcpu::Vcpu;

/// The value that the guest sees.
pub fn read(vcpu: &Vcpu, number: u8) -> Option<u64> {
    let paging = vcpu.hvm.block().paging();
    match number {
        0 => Some(paging.cr0),
        3 => Some(paging.cr3),
        4 => Some(paging.cr4),
        8 => Some(vcpu.hvm.block().task_priority().into()),
        _ => None,
    }
}

/// Writes a register; `None` is the guest's #GP.
pub fn write(vcpu: &Vcpu, number: u8, value: u64) -> Option<()> {
    let block = vcpu.hvm.block();
    let is_64_bit = block.is_64_bit();
    let value = if is_64_bit { value } else { value & 0xffff_ffff };
    if number == 8 {
        let class = u8::try_from(value).ok().filter(|class| *class < 16)?;
        block.set_task_priority(class);
        return Some(());
    }
    let old = block.paging();
    let new = match number {
        0 => control::cr0(&old, value, is_64_bit)?,
        3 => control::cr3(&old, value, cpu::features().physical_bits.into())?,
        4 => cr4(vcpu, &old, value)?,
        _ => return None,
    };
    set(vcpu, &new);
    Some(())
}

/// Executes `clts`.
pub fn clear_task_switched(vcpu: &Vcpu) {
    let paging = vcpu.hvm.block().paging();
    set(vcpu, &Paging { cr0: paging.cr0 & !CR0_TS, ..paging });
}

/// Sets registers to values that hv-core has allowed.
pub fn set(vcpu: &Vcpu, paging: &Paging) {
    vcpu.hvm.block().set_paging(paging);
    shadow::control_changed(vcpu);
    // Some bits change what translations mean.
    vcpu.hvm.forget_translations();
}

fn cr4(vcpu: &Vcpu, old: &Paging, value: u64) -> Option<Paging> {
    let allowed = cr4_allowed(&cpuid::leaf(vcpu, 1), &cpuid::leaf(vcpu, 7));
    let is_long = old.cr0 & CR0_PG != 0 && old.efer & EFER_LMA != 0;
    let is_refused = value & !allowed != 0 || is_long && value & CR4_PAE == 0;
    (!is_refused).then_some(Paging { cr4: value, ..*old })
}
