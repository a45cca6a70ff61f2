// SPDX-License-Identifier: MIT OR Apache-2.0
//! Event channels of a PVH guest: an interrupt with a vector that it has chosen, in one of two ways.
//!
//! - A vector for the whole domain (parameter `CALLBACK_IRQ`). As long as an upcall is pending it is
//!   asked for anew at each entry, so none is lost and none needs an end of interrupt.
//! - A vector of the vCPU's local APIC (`HVMOP_set_evtchn_upcall_vector`), raised once when an upcall
//!   becomes pending; its handler ends it as any other interrupt of the local APIC.
use core::sync::atomic::Ordering;

use hv_core::event_channel::raise;

use super::local_apic;
use crate::vcpu::Vcpu;

/// The domain's vector, if the vCPU has an upcall pending.
pub fn callback(vcpu: &Vcpu) -> Option<u8> {
    if !raise::is_deliverable(vcpu.info()) {
        return None;
    }
    vcpu.domain().hvm.as_ref()?.params.lock().callback_vector()
}

/// An upcall of the vCPU has become pending.
pub fn raised(vcpu: &Vcpu) {
    let vector = vcpu.hvm.upcall_vector.get();
    if vector != 0 {
        local_apic::accept(vcpu, vector);
    }
}

/// Raises the vCPU's vector if an upcall is pending: nobody could take it before.
pub fn remind(vcpu: &Vcpu) {
    if vcpu.info().evtchn_upcall_pending.load(Ordering::Relaxed) != 0 {
        raised(vcpu);
    }
}

/// Chooses the vCPU's vector. As on Xen it comes once at that, whether an event is pending or not.
pub fn set_upcall_vector(vcpu: &Vcpu, vector: u8) {
    vcpu.hvm.upcall_vector.set(vector);
    raised(vcpu);
}
