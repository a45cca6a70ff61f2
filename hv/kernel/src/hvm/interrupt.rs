// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interrupts of a PVH guest: NMIs, then events by the domain's vector, then those of the local APIC,
//! as on Xen.
//!
//! Each entry offers the processor the one that is next; it delivers it as soon as the guest can
//! take it, without another exit, and the next exit says whether it has.
use hv_core::hvm::local_apic::Next;

use super::control_block::Request;
use super::{events, local_apic};
use crate::nmi::NmiState;
use crate::vcpu::Vcpu;

/// Offers what is next to the processor, at an entry.
pub fn offer(vcpu: &Vcpu) {
    let (request, offered) = next(vcpu);
    vcpu.hvm.block().request(request);
    vcpu.hvm.offered.set(offered);
}

/// What is next, and the vector if it is one of the local APIC, or 0.
fn next(vcpu: &Vcpu) -> (Request, u8) {
    if vcpu.nmi.get().pending {
        if !vcpu.hvm.block().inject_nmi() {
            return (Request::Window, 0);
        }
        vcpu.nmi.set(NmiState::default());
    }
    if let Some(vector) = events::callback(vcpu) {
        return (Request::Interrupt(vector), 0);
    }
    match local_apic::with(vcpu, |apic| apic.next()) {
        Next::Nothing => (Request::Nothing, 0),
        Next::Deliver(vector) => (Request::Interrupt(vector), vector),
        Next::Held => (Request::TaskPriority, 0),
    }
}

/// The guest has left: tells the local APIC if its interrupt was taken.
pub fn settle(vcpu: &Vcpu) {
    let vector = vcpu.hvm.offered.get();
    if vector != 0 && vcpu.hvm.block().is_interrupt_taken() {
        vcpu.hvm.offered.set(0);
        vcpu.hvm.local_apic.lock().acknowledge(vector);
    }
}

/// Whether an interrupt waits that ends a `hlt` with interrupts on.
pub fn is_pending(vcpu: &Vcpu) -> bool {
    let of_local_apic = || local_apic::with(vcpu, |apic| apic.next());
    vcpu.nmi.get().pending
        || events::callback(vcpu).is_some()
        || matches!(of_local_apic(), Next::Deliver(_))
}

/// Whether one waits that the guest can take now.
pub fn is_deliverable(vcpu: &Vcpu) -> bool {
    vcpu.nmi.get().pending || are_on(vcpu) && is_pending(vcpu)
}

/// The guest's interrupt flag.
pub fn are_on(vcpu: &Vcpu) -> bool {
    const INTERRUPTS_ON: u64 = 1 << 9;
    vcpu.regs.rflags.get() & INTERRUPTS_ON != 0
}
