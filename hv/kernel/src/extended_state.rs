// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest's choice of the components of its extended state (XCR0), and the exchange of these when
//! another vCPU runs.
//!
//! All components are exchanged, whatever the guest has on: those that it turned off keep their
//! values, and another guest's never show. So XCR0 is the guest's only while its state is loaded.
use hv_core::extended_state::{INITIAL, is_possible};

use crate::arch::cpu::features;
use crate::arch::fpu_state::set_xcr0;
use crate::vcpu::Vcpu;

/// What is on before a guest chooses.
pub fn initial() -> u64 {
    features().xcr0.map_or(0, |all| all & INITIAL)
}

/// Executes `xsetbv`, of register ecx, for the vCPU that runs. `None` is its #GP.
pub fn execute_set(vcpu: &Vcpu) -> Option<()> {
    const LOW: u64 = 0xffff_ffff;
    let regs = &vcpu.regs;
    let value = regs.pair();
    if regs.rcx.get() & LOW != 0 || !is_possible(value, features().xcr0?) {
        return None;
    }
    vcpu.xcr0.set(value);
    set_xcr0(value);
    Some(())
}

/// Stores the state of the vCPU that stops running.
pub fn save(vcpu: &Vcpu) {
    if let Some(all) = chosen_from(vcpu) {
        set_xcr0(all);
    }
    vcpu.fpu.save();
}

/// Loads the state of the vCPU that starts to run; that of the one before has been saved.
pub fn load(vcpu: &Vcpu) {
    vcpu.fpu.load();
    vcpu.fpu_valid.set(true);
    if chosen_from(vcpu).is_some() {
        set_xcr0(vcpu.xcr0.get());
    }
}

/// All components, where the vCPU has others than these on.
fn chosen_from(vcpu: &Vcpu) -> Option<u64> {
    features().xcr0.filter(|all| *all != vcpu.xcr0.get())
}
