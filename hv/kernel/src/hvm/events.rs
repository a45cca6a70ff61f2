// SPDX-License-Identifier: MIT OR Apache-2.0
//! Event channels of a PVH guest: an interrupt with the vector it has chosen.
//!
//! The processor delivers it when the guest can take it. As long as an upcall is pending it is asked
//! for anew at each entry, so none is lost and none needs an end of interrupt.
use hv_core::event_channel::raise;

use crate::vcpu::Vcpu;

/// Shows the pending upcall, if there is one and the guest has chosen a vector, to the processor.
pub fn show(vcpu: &Vcpu) {
    vcpu.hvm.block().set_interrupt(pending(vcpu));
}

/// Whether an upcall is due that the guest can take now.
pub fn is_deliverable(vcpu: &Vcpu) -> bool {
    const INTERRUPTS_ON: u64 = 1 << 9;
    pending(vcpu).is_some() && vcpu.regs.rflags.get() & INTERRUPTS_ON != 0
}

/// The vector of an upcall that is due.
pub fn pending(vcpu: &Vcpu) -> Option<u8> {
    if !raise::is_deliverable(vcpu.info()) {
        return None;
    }
    vcpu.domain().hvm.as_ref()?.params.lock().callback_vector()
}
