// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the other vCPUs of a PVH domain begin: by `vcpu_op`, or by the messages INIT and start-up of a
//! local APIC. As on Xen either way ends with a vCPU that has registers, and INIT takes them away.
use hv_core::hvm::context::State;
use hv_core::hvm::control::cr4_allowed;
use hv_core::hvm::vcpu_context::{started_at, state_of};
use xen_abi::errno::Errno;
use xen_abi::hvm_save::HvmCpu;
use xen_abi::hvm_vcpu::VcpuHvmContext;

use super::{local_apic, state};
use crate::arch::tsc;
use crate::current::Current;
use crate::emulate::cpuid;
use crate::hypercall::vcpu_op;
use crate::nmi::NmiState;
use crate::schedule;
use crate::vcpu::Vcpu;

/// Gives a vCPU its first registers; it stays down. `EEXIST` for one that has some, `EINVAL` for a
/// state that cannot be.
pub fn initialise(vcpu: &Vcpu, context: &VcpuHvmContext) -> Result<(), Errno> {
    if vcpu.hvm.is_ready.get() {
        return Err(Errno::Eexist);
    }
    let allowed = cr4_allowed(&cpuid::leaf(vcpu, 1), &cpuid::leaf(vcpu, 7));
    set(vcpu, state_of(context, allowed)?);
    Ok(())
}

/// INIT: the vCPU is as it was before it began.
pub fn init(sender: &Vcpu, vcpu: &Vcpu) {
    if !vcpu.hvm.is_ready.get() {
        return;
    }
    vcpu_op::down(&Current::new(sender), vcpu);
    vcpu.hvm.is_ready.set(false);
    vcpu.hvm.offered.set(0);
    vcpu.nmi.set(NmiState::default());
    local_apic::init(vcpu);
}

/// The start-up message: the vCPU begins in real mode at `page`, unless it has registers.
pub fn start(vcpu: &Vcpu, page: u8) {
    if vcpu.hvm.is_ready.get() {
        return;
    }
    set(vcpu, started_at(page));
    schedule::set_up(vcpu, true);
}

/// A non-maskable interrupt from a local APIC: it starts a vCPU that has stopped.
pub fn interrupt(vcpu: &Vcpu) {
    vcpu.nmi.update(|nmi| NmiState { pending: true, ..nmi });
    if vcpu.hvm.is_ready.get() {
        schedule::set_up(vcpu, true);
    }
}

/// Its TSC is that of the domain's first.
fn set(vcpu: &Vcpu, cpu: HvmCpu) {
    let first = vcpu.domain().vcpu(0).map_or(0, |first| first.hvm.tsc_offset.get());
    let cpu = HvmCpu { tsc: tsc::read().wrapping_add(first), ..cpu };
    state::set(vcpu, &State { cpu, local_apic: None, memory_types: None });
}
