// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mov` from and to control registers.
use core::sync::atomic::Ordering;

use hv_core::page_type::{BUDGET, PageTypes, Stop};
use xen_abi::frame::Maddr;

use super::{After, Refused};
use crate::arch::control::{self, CR0_TS, CR4_DE, CR4_FSGSBASE, CR4_OSXSAVE, CR4_TSD};
use crate::arch::cpu;
use crate::current::Current;
use crate::hypercall::mmuext_op::new_kernel_root;
use crate::machine::Host;
use crate::vcpu::Vcpu;

/// Bits of CR4 that are the guest's.
const GUEST_CR4: u64 = CR4_DE | CR4_TSD | CR4_FSGSBASE | CR4_OSXSAVE;
/// Bits of the host's CR4 that a guest sees: PAE, MCE, PGE, OSFXSR, OSXMMEXCPT.
const SHOWN_CR4: u64 = 1 << 5 | 1 << 6 | 1 << 7 | 1 << 9 | 1 << 10;

/// What the guest sees.
pub fn read(vcpu: &Vcpu, number: u8) -> Result<u64, Refused> {
    match number {
        0 => {
            let switched = if vcpu.task_switched.get() { CR0_TS } else { 0 };
            Ok(control::cr0() & !CR0_TS | switched)
        }
        2 => Ok(vcpu.info().arch.cr2.load(Ordering::Relaxed)),
        3 => vcpu.kernel_root.get().map(|root| root.maddr().get()).ok_or(Refused),
        4 => Ok(control::cr4() & SHOWN_CR4 | vcpu.cr4.get()),
        _ => Err(Refused),
    }
}

/// Accepts what changes no more than the guest may.
pub(super) fn write(vcpu: &Vcpu, number: u8, value: u64) -> Result<After, Refused> {
    match number {
        0 => {
            if (value ^ control::cr0()) & !CR0_TS != 0 {
                return Err(Refused);
            }
            vcpu.task_switched.set(value & CR0_TS != 0);
        }
        2 => vcpu.info().arch.cr2.store(value, Ordering::Relaxed),
        3 => {
            let types = PageTypes::new(&Host, BUDGET);
            let root = Maddr::new(value).mfn();
            return match new_kernel_root(&Current::new(vcpu), &types, root) {
                Ok(()) => Ok(After::Advance),
                // Executed again, it goes on where it stopped.
                Err(Stop::Preempted) => Ok(After::Again),
                Err(Stop::Refused(_)) => Err(Refused),
            };
        }
        4 => {
            // Bits that are not the guest's stay as they are, as on Xen.
            vcpu.cr4.set(value & available_cr4());
            control::set_guest_bits(vcpu.cr4.get());
        }
        _ => return Err(Refused),
    }
    Ok(After::Advance)
}

/// Bits of CR4 that a guest may turn on here.
pub fn available_cr4() -> u64 {
    let features = cpu::features();
    let mut bits = GUEST_CR4;
    if !features.fsgsbase {
        bits &= !CR4_FSGSBASE;
    }
    if features.xcr0.is_none() {
        bits &= !CR4_OSXSAVE;
    }
    bits
}
