// SPDX-License-Identifier: MIT OR Apache-2.0
//! Non-maskable interrupts: those of the machine are told to the first domain, and a guest may send
//! itself one.
//!
//! An NMI interrupts ring 0 anywhere, with any lock held. All it does there is to send this pCPU an
//! ordinary interrupt, which comes when a guest runs or in idle, and does the rest.
use core::sync::atomic::Ordering;

use hv_core::bounce::Cause;
use xen_abi::domain::DomId;
use xen_abi::trap::{TrapFlags, VECTOR_NMI};

use crate::arch::lapic;
use crate::arch::system_control;
use crate::current::pcpu;
use crate::vcpu::{Callback, Vcpu};
use crate::{domain, log, schedule, trap};

/// Vector of the interrupt that follows an NMI.
pub const VECTOR: u8 = 0xf1;

/// A guest's NMIs.
#[derive(Clone, Copy, Default)]
pub struct NmiState {
    /// One has come and was not delivered.
    pub pending: bool,
    /// The handler runs: until it ends by the iret hypercall, no other is delivered.
    pub masked: bool,
}

/// The NMI itself.
pub fn defer() {
    lapic::send_to_self(VECTOR);
}

/// What follows it: the first domain learns the reason, as far as the machine says one.
pub fn interrupt() {
    let reason = system_control::take_nmi_reason();
    log!("NMI, reason {:#x}", reason.bits());
    let Some(first) = domain::find(DomId::DOM0) else { return };
    first.shared_info().arch.nmi_reason.fetch_or(reason.bits(), Ordering::Relaxed);
    if let Some(vcpu) = first.vcpu(0) {
        send(vcpu);
    }
}

/// Delivers an NMI to the vCPU when it next runs.
pub fn send(vcpu: &Vcpu) {
    vcpu.nmi.update(|nmi| NmiState { pending: true, ..nmi });
    schedule::wake(vcpu);
    pcpu().reschedule.set(true);
}

/// Enters the handler of the vCPU that is about to run, if an NMI waits for it. Without a handler
/// the NMI is lost.
pub fn deliver(vcpu: &Vcpu) {
    let nmi = vcpu.nmi.get();
    // A PVH guest takes it when it is entered.
    if !nmi.pending || nmi.masked || vcpu.is_hvm.get() {
        return;
    }
    let handler = vcpu.traps[usize::from(VECTOR_NMI)].get();
    vcpu.nmi.set(NmiState { pending: false, masked: handler.address != 0 });
    if handler.address != 0 {
        let masks_events = handler.flags.contains(TrapFlags::MASK_EVENTS);
        let handler = Callback { address: handler.address, masks_events };
        trap::enter_handler(vcpu, handler, Cause::Plain);
    }
}

/// The handler has ended, or whatever called the iret hypercall: the next one may come.
pub fn unmask(vcpu: &Vcpu) {
    let nmi = vcpu.nmi.get();
    if nmi.masked {
        vcpu.nmi.set(NmiState { masked: false, ..nmi });
        if nmi.pending {
            pcpu().reschedule.set(true);
        }
    }
}
