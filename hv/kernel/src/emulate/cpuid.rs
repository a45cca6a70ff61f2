// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cpuid` by the policy of hv-core.
use core::arch::x86_64::__cpuid_count;

use hv_core::cpuid::{Answer, Guest, Policy, answer};
use hv_core::hvm::local_apic::base::Mode;
use hv_core::word::low_half;

use crate::arch::{control, cpu};
use crate::vcpu::Vcpu;
use crate::{hvm, time};

/// Version of the interface: 4.17, major above minor.
pub const XEN_VERSION: u32 = 4 << 16 | 17;

/// Answers a PV guest for the leaf in eax and the subleaf in ecx.
pub fn execute(vcpu: &Vcpu) {
    answer_registers(vcpu, Guest::Pv, vcpu.cr4.get() & control::CR4_OSXSAVE != 0);
}

/// The same for the forced emulated CPUID. A kernel sees OSXSAVE before it has set CR4.OSXSAVE, as
/// on Xen: Linux takes it for a sign that the hypervisor lets guests use xsave.
pub fn execute_forced(vcpu: &Vcpu) {
    let os_xsave = vcpu.in_kernel.get() || vcpu.cr4.get() & control::CR4_OSXSAVE != 0;
    answer_registers(vcpu, Guest::Pv, os_xsave);
}

/// The same for a PVH guest.
pub fn execute_hvm(vcpu: &Vcpu) {
    answer_registers(vcpu, pvh(vcpu), hvm::cr4(vcpu) & control::CR4_OSXSAVE != 0);
}

/// What a PVH guest sees of a leaf's first subleaf.
pub fn leaf(vcpu: &Vcpu, leaf: u32) -> Answer {
    find(pvh(vcpu), false, leaf, 0)
}

fn pvh(vcpu: &Vcpu) -> Guest {
    let has_apic = vcpu.hvm.local_apic.lock().base().mode() != Mode::Off;
    Guest::Pvh { domid: vcpu.domain().id.get(), vcpu: vcpu.id, has_apic }
}

fn answer_registers(vcpu: &Vcpu, guest: Guest, os_xsave: bool) {
    let regs = &vcpu.regs;
    let found = find(guest, os_xsave, low_half(regs.rax.get()), low_half(regs.rcx.get()));
    regs.rax.set(u64::from(found.eax));
    regs.rbx.set(u64::from(found.ebx));
    regs.rcx.set(u64::from(found.ecx));
    regs.rdx.set(u64::from(found.edx));
}

fn find(guest: Guest, os_xsave: bool, leaf: u32, subleaf: u32) -> Answer {
    let features = cpu::features();
    let policy = Policy {
        guest,
        xcr0: features.xcr0.unwrap_or(0),
        os_xsave,
        version: XEN_VERSION,
        address_bits: u32::from(features.physical_bits),
        tsc_khz: u32::try_from(time::tsc_khz()).unwrap_or(u32::MAX),
    };
    answer(&policy, leaf, subleaf, |leaf, subleaf| {
        let found = __cpuid_count(leaf, subleaf);
        Answer { eax: found.eax, ebx: found.ebx, ecx: found.ecx, edx: found.edx }
    })
}
